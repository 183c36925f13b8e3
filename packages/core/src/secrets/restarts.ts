import { isoTime } from "../clock.ts";
import { isPlatformError } from "../errors.ts";
import type { Instance } from "../instances/instance.ts";
import type { Reconciler } from "../instances/reconcile.ts";
import type { InstanceRuntime } from "../instances/runtime.ts";
import { findInstance, lockInstance, updateInstance } from "../store/instances.ts";

/** Restarts under way at a time, of all rotations together. */
const CONCURRENCY = 4;

/** What a restart works with. */
export interface RestartDeps {
  readonly runtime: Pick<InstanceRuntime, "database" | "clock" | "logger">;
  readonly reconciler: Pick<Reconciler, "reconcile" | "relaunch">;
}

/**
 * Restarts instances behind the back of whoever rotated a secret. `desired` stays `running` all the time, so that a call that
 * comes meanwhile waits, a stop that somebody asks for is obeyed, and a host that dies half-way leaves the start to the next.
 */
export class RotationRestarts {
  readonly #deps: RestartDeps;
  readonly #waiting = new Map<string, Instance>();
  #active = 0;

  constructor(deps: RestartDeps) {
    this.#deps = deps;
  }

  /** Queues these runs; a run that is over by then is left alone. Failures are logged. */
  add(instances: readonly Instance[]): void {
    for (const instance of instances) this.#waiting.set(instance.id, instance);
    while (this.#active < CONCURRENCY && this.#waiting.size > 0) void this.#work();
  }

  async #work(): Promise<void> {
    this.#active += 1;
    for (let next = this.#next(); next; next = this.#next()) await this.#attempt(next);
    this.#active -= 1;
  }

  #next(): Instance | undefined {
    const [next] = this.#waiting.values();
    if (next) this.#waiting.delete(next.id);
    return next;
  }

  async #attempt(seen: Instance): Promise<void> {
    try {
      await restart(this.#deps, seen);
    } catch (error) {
      if (isPlatformError(error, "SHUTTING_DOWN")) return;
      const { logger } = this.#deps.runtime;
      logger.warn({ error, instanceId: seen.id }, "An instance was not restarted after a rotation.");
    }
  }
}

async function restart({ runtime, reconciler }: RestartDeps, seen: Instance): Promise<void> {
  // A start under way may have opened the value before this one; it is waited for.
  if (seen.state === "starting") await reconciler.reconcile(seen.id);
  const current = await findInstance(runtime.database.connection, seen.id);
  if (isSameRun(current, seen)) await reconciler.relaunch(seen.id, () => markStopping(runtime, seen));
}

function isSameRun(current: Instance | undefined, seen: Instance): current is Instance {
  const sameRun = current?.generation === seen.generation && current.state === "running";
  return sameRun && current.desired === "running";
}

/** A row that is `stopping` while `running` is desired is halted and launched by whichever replica holds it. */
function markStopping(
  { database, clock }: RestartDeps["runtime"],
  seen: Instance,
): Promise<Instance | undefined> {
  return database.transaction(async (transaction) => {
    const current = await lockInstance(transaction, database.dialect, seen.id);
    if (!isSameRun(current, seen)) return undefined;
    return updateInstance(transaction, current, { state: "stopping", updatedAt: isoTime(clock.now()) });
  });
}
