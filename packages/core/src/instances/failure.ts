import { isoTime } from "../clock.ts";
import type { PlatformError } from "../errors.ts";
import { restartDelayMs } from "./backoff.ts";
import type { Held } from "./claim.ts";
import type { Instance } from "./instance.ts";
import { moveState, type StateChange } from "./move.ts";
import type { InstanceRuntime } from "./runtime.ts";

/**
 * Writes a failed start. The first one is final, because a program that is missing stays missing; one that
 * follows a crash counts as a crash, because the server did run before.
 */
export function recordFailure(runtime: InstanceRuntime, held: Held, error: PlatformError): Promise<Instance> {
  const failed: StateChange = { ...ended(runtime, error), reason: "launch_failed" };
  const change =
    held.instance.restartCount > 0 ? { ...failed, ...nextAttempt(runtime, held.instance) } : failed;
  return moveState(
    runtime,
    held,
    change.reason === "launch_failed" ? { ...change, desired: "stopped" } : change,
  );
}

/** Writes the unexpected end of a running instance, and when it is started again, if ever. */
export function recordCrash(runtime: InstanceRuntime, held: Held, error: PlatformError): Promise<Instance> {
  return moveState(runtime, held, { ...ended(runtime, error), ...nextAttempt(runtime, held.instance) });
}

function ended(runtime: InstanceRuntime, error: PlatformError): StateChange {
  return {
    state: "failed",
    error: { code: error.code, message: error.message },
    health: "unknown",
    stoppedAt: isoTime(runtime.clock.now()),
    autoStopAt: null,
  };
}

function nextAttempt(runtime: InstanceRuntime, instance: Instance): Partial<StateChange> {
  const { restartPolicy: policy, clock } = runtime;
  const upMs = instance.startedAt === null ? 0 : clock.now() - Date.parse(instance.startedAt);
  const crashes = (instance.state === "running" && upMs >= policy.steadyMs ? 0 : instance.restartCount) + 1;
  if (crashes > policy.limit) return { reason: "crash_loop", desired: "stopped", restartCount: crashes };
  const pause = restartDelayMs(crashes, policy, runtime.random);
  return { reason: "crashed", restartCount: crashes, nextAttemptAt: isoTime(clock.now() + pause) };
}
