import { notFound } from "../access/not-found.ts";
import { isoTime, sleep } from "../clock.ts";
import type { CallOptions } from "../contracts/provider.ts";
import type { Upstream } from "../contracts/proxy.ts";
import { abandonable } from "../deadline.ts";
import { PlatformError } from "../errors.ts";
import { Lanes } from "../lanes.ts";
import { findInstance, updateInstance } from "../store/instances.ts";
import type { Instance } from "./instance.ts";
import { upstreamOf } from "./launch.ts";
import type { Reconciler } from "./reconcile.ts";
import type { InstanceRuntime } from "./runtime.ts";

/** A call waits this long for the pause after a crash; a longer one is answered at once. */
const PATIENCE_MS = 5_000;

/** Finds the way into an instance, and wakes one that sleeps; a hundred callers wake it once. */
export class Waker {
  readonly #runtime: InstanceRuntime;
  readonly #reconciler: Reconciler;
  readonly #wakes = new Lanes<Instance>();

  constructor(runtime: InstanceRuntime, reconciler: Reconciler) {
    this.#runtime = runtime;
    this.#reconciler = reconciler;
  }

  async acquire(instanceId: string, options: CallOptions = {}): Promise<Upstream> {
    const known = this.#reconciler.running(instanceId);
    const instance =
      known ??
      (await abandonable(
        this.#wakes.join(instanceId, () => this.#wake(instanceId)),
        options.signal,
      ));
    return upstreamOf(this.#runtime, instance);
  }

  async #wake(instanceId: string): Promise<Instance> {
    const instance = await this.#read(instanceId);
    const asleep = instance.desired === "stopped" && instance.reason === "idle";
    if (asleep) await this.#ask(instance);
    else if (instance.desired !== "running") throw notRunning(instance);
    await this.#sitOut(instance);
    const woken = await this.#reconciler.reconcile(instanceId);
    if (woken.state === "running" && this.#reconciler.running(instanceId)) return woken;
    throw woken.state === "running" ? elsewhere(woken) : notRunning(woken);
  }

  async #read(instanceId: string): Promise<Instance> {
    const instance = await findInstance(this.#runtime.database.connection, instanceId);
    if (!instance || instance.deletedAt !== null) throw notFound("instance", instanceId);
    return instance;
  }

  /** Losing this write to another caller is fine: somebody has asked for something newer, and it is obeyed. */
  async #ask(instance: Instance): Promise<void> {
    await updateInstance(this.#runtime.database.connection, instance, {
      desired: "running",
      reason: null,
      updatedAt: isoTime(this.#runtime.clock.now()),
    });
  }

  async #sitOut(instance: Instance): Promise<void> {
    if (instance.nextAttemptAt === null || instance.state !== "failed") return;
    const pause = Date.parse(instance.nextAttemptAt) - this.#runtime.clock.now();
    if (pause > PATIENCE_MS) throw pausing(instance, pause);
    if (pause > 0) await sleep(this.#runtime.clock, pause);
  }
}

function notRunning(instance: Instance): PlatformError {
  const why = instance.error ? `: ${instance.error.message}` : instance.reason ? ` (${instance.reason})` : "";
  return new PlatformError(
    "INSTANCE_NOT_RUNNING",
    `Instance "${instance.id}" is ${instance.state}${why}. Start it first.`,
    { details: { instanceId: instance.id, state: instance.state, reason: instance.reason } },
  );
}

function pausing(instance: Instance, pauseMs: number): PlatformError {
  return new PlatformError(
    "UPSTREAM_UNAVAILABLE",
    `Instance "${instance.id}" crashed and is started again in ${Math.ceil(pauseMs / 1000)} s.`,
    { details: { instanceId: instance.id, retryAfterMs: pauseMs } },
  );
}

function elsewhere(instance: Instance): PlatformError {
  return new PlatformError(
    "UPSTREAM_UNAVAILABLE",
    `Instance "${instance.id}" runs on host "${instance.hostId}", which this replica cannot reach.`,
    { details: { instanceId: instance.id, hostId: instance.hostId } },
  );
}
