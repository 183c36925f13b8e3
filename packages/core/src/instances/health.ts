import { isoTime } from "../clock.ts";
import { withDeadline } from "../deadline.ts";
import { PlatformError } from "../errors.ts";
import { updateInstance } from "../store/instances.ts";
import type { HealthState, Instance } from "./instance.ts";
import type { Reconciler } from "./reconcile.ts";
import type { InstanceRuntime } from "./runtime.ts";

const DEFAULT_FAILURE_THRESHOLD = 3;

/** Health after a probe: one answer heals, `threshold` silences in a row make it unhealthy. */
export function healthAfter(
  before: Pick<Instance, "health" | "healthFailures">,
  answered: boolean,
  threshold: number,
): { readonly health: HealthState; readonly healthFailures: number } {
  if (answered) return { health: "healthy", healthFailures: 0 };
  const healthFailures = before.healthFailures + 1;
  return { health: healthFailures >= threshold ? "unhealthy" : before.health, healthFailures };
}

/** Asks a running instance whether it answers, and writes what came of it. A dead one is written as crashed. */
export async function probe(
  deps: { readonly runtime: InstanceRuntime; readonly reconciler: Reconciler },
  instance: Instance,
): Promise<void> {
  const { runtime, reconciler } = deps;
  const alive = await reconciler.verify(instance.id);
  if (alive.state !== "running") return;
  const definition = alive.serverId === null ? undefined : await runtime.findServer(alive.serverId);
  const check = definition?.healthCheck;
  const answered = await answers(
    runtime,
    alive,
    (check?.timeoutSeconds ?? 0) * 1000 || runtime.timeouts.healthMs,
  );
  const after = healthAfter(alive, answered, check?.failureThreshold ?? DEFAULT_FAILURE_THRESHOLD);
  await write(runtime, alive, after);
}

async function answers(runtime: InstanceRuntime, instance: Instance, timeoutMs: number): Promise<boolean> {
  const proxy = runtime.proxy();
  if (!proxy || instance.kind !== "server") return true;
  const late = () =>
    new PlatformError("TIMEOUT", `Instance "${instance.id}" did not answer a ping in ${timeoutMs} ms.`);
  try {
    await withDeadline({ clock: runtime.clock, timeoutMs, late }, (signal) =>
      proxy.ping(instance.id, { signal }),
    );
    return true;
  } catch {
    return false;
  }
}

async function write(
  runtime: InstanceRuntime,
  instance: Instance,
  after: { readonly health: HealthState; readonly healthFailures: number },
): Promise<void> {
  await runtime.database.transaction(async (transaction) => {
    const lastHealthCheckAt = isoTime(runtime.clock.now());
    const written = await updateInstance(transaction, instance, { ...after, lastHealthCheckAt });
    if (!written || written.health === instance.health) return;
    await runtime.events.record(transaction, {
      type: "instance.health",
      ownerId: instance.ownerId,
      subjectId: instance.id,
      data: {
        instanceId: instance.id,
        state: instance.state,
        reason: instance.reason,
        generation: instance.generation,
        health: written.health,
      },
    });
  });
  await runtime.events.deliver();
}
