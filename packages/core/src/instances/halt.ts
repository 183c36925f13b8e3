import { isoTime } from "../clock.ts";
import type { Held } from "./claim.ts";
import type { Instance, StateReason } from "./instance.ts";
import { moveState } from "./move.ts";
import { type InstanceRuntime, providerOf } from "./runtime.ts";

/** Ends a running instance; `reason` says why, and is what its row had already where it is left out. */
export async function haltInstance(
  runtime: InstanceRuntime,
  held: Held,
  reason: StateReason | null = held.instance.reason,
): Promise<Instance> {
  const provider = providerOf(runtime, held.instance);
  // Before anybody can read that it stops: a call that comes now must wait for what follows, not be cut off.
  await runtime.proxy()?.release(held.instance.id);
  const stopping = await moveState(runtime, held, { state: "stopping", reason });
  if (stopping.resourceId !== null) {
    await provider.stop(stopping.resourceId, { graceMs: runtime.timeouts.stopMs });
  }
  return settleInstance(runtime, { ...held, instance: stopping });
}

/** Writes that nothing runs. */
export function settleInstance(runtime: InstanceRuntime, held: Held): Promise<Instance> {
  return moveState(runtime, held, {
    state: "stopped",
    hostId: null,
    health: "unknown",
    autoStopAt: null,
    stoppedAt: isoTime(runtime.clock.now()),
  });
}

/** Ends an instance for good: its resource, its secrets, then its row, which is kept as deleted. */
export async function eraseInstance(runtime: InstanceRuntime, held: Held): Promise<Instance> {
  const { instance } = held;
  await runtime.proxy()?.release(instance.id);
  if (instance.resourceId !== null) await providerOf(runtime, instance).destroy(instance.resourceId);
  await runtime.vault?.removeScope({ kind: "instance", id: instance.id, ownerId: instance.ownerId });
  const at = isoTime(runtime.clock.now());
  const erased = await moveState(runtime, held, {
    state: "deleted",
    hostId: null,
    health: "unknown",
    autoStopAt: null,
    expiresAt: null,
    nextAttemptAt: null,
    stoppedAt: instance.stoppedAt ?? at,
    deletedAt: at,
  });
  runtime.secretsInUse.forget(instance.id);
  return erased;
}
