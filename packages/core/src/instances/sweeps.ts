import { isoTime } from "../clock.ts";
import { isPlatformError } from "../errors.ts";
import { findExpired, findExpiring, findIdle, findUnprobed, findUnsettled } from "../store/due-instances.ts";
import { updateInstance } from "../store/instances.ts";
import type { ActivityLog } from "./activity.ts";
import { probe } from "./health.ts";
import type { DesiredState, IdleAction, Instance, StateReason } from "./instance.ts";
import type { Reconciler } from "./reconcile.ts";
import type { InstanceRuntime } from "./runtime.ts";

/** Rows that one run of a sweep looks at; the rest waits for the next run. */
const BATCH = 100;
const WARNING_MS = 300_000;

/** What the sweeps work with. */
export interface SweepDeps {
  readonly runtime: InstanceRuntime;
  readonly reconciler: Reconciler;
  readonly activity: ActivityLog;
  readonly healthIntervalMs: number;
}

/** One failure must not keep the others waiting: every instance is its own attempt. */
async function each<Item>(
  deps: SweepDeps,
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const results = await Promise.allSettled(items.map(work));
  for (const result of results) {
    if (result.status === "fulfilled" || isPlatformError(result.reason, "CONFLICT")) continue;
    deps.runtime.logger.warn({ error: result.reason }, "A sweep could not finish one of its instances.");
  }
}

function due(deps: SweepDeps) {
  return { hostId: deps.runtime.hostId, limit: BATCH };
}

/** Reconciles every row whose state is not the desired one. */
export async function sweepUnsettled(deps: SweepDeps): Promise<void> {
  const ids = await findUnsettled(deps.runtime.database, due(deps));
  await each(deps, ids, (id) => deps.reconciler.reconcile(id));
}

/** Ends what has lived for its `ttlSeconds`. */
export async function sweepExpired(deps: SweepDeps): Promise<void> {
  const expired = await findExpired(deps.runtime.database, due(deps));
  await each(deps, expired, (instance) => end(deps, instance, { desired: "stopped", reason: "expired" }));
}

const DESIRED_WHEN_IDLE: Readonly<Record<IdleAction, DesiredState>> = {
  stop: "stopped",
  suspend: "stopped",
  destroy: "deleted",
};

/** Ends what nobody has used for its `idleSeconds`; what is being used right now is left alone. */
export async function sweepIdle(deps: SweepDeps): Promise<void> {
  const idle = await findIdle(deps.runtime.database, due(deps));
  await each(deps, idle, async (instance) => {
    const busy = deps.activity.pending(instance.id) || (deps.runtime.proxy()?.inFlight(instance.id) ?? 0) > 0;
    if (!busy) await end(deps, instance, { desired: DESIRED_WHEN_IDLE[instance.onIdle], reason: "idle" });
  });
}

async function end(
  deps: SweepDeps,
  instance: Instance,
  wanted: { readonly desired: DesiredState; readonly reason: StateReason },
): Promise<void> {
  const updatedAt = isoTime(deps.runtime.clock.now());
  const marked = await updateInstance(deps.runtime.database.connection, instance, { ...wanted, updatedAt });
  if (marked) await deps.reconciler.reconcile(instance.id);
}

/** Tells owners, once, that an instance is about to end: five minutes ahead, or half of its time if that is shorter. */
export async function sweepExpiring(deps: SweepDeps): Promise<void> {
  const { runtime } = deps;
  const near = await findExpiring(runtime.database, { ...due(deps), leadMs: WARNING_MS });
  const soon = near.flatMap((instance) => {
    const expiresAt = warnOf(instance, runtime.clock.now());
    return expiresAt === undefined ? [] : [{ instance, expiresAt }];
  });
  await each(deps, soon, (ending) => announceEnd(deps, ending));
  if (soon.length > 0) await runtime.events.deliver();
}

/** The end that is near enough to be told of, if any. */
function warnOf(instance: Instance, now: number): string | undefined {
  const ends = [
    { at: instance.expiresAt, seconds: instance.ttlSeconds },
    { at: instance.autoStopAt, seconds: instance.idleSeconds },
  ];
  const near = ends.flatMap(({ at, seconds }) => {
    const lead = Math.min(WARNING_MS, (seconds ?? 0) * 500);
    return at !== null && Date.parse(at) - now <= lead ? [at] : [];
  });
  return near.sort()[0];
}

function announceEnd(
  { runtime }: SweepDeps,
  { instance, expiresAt }: { readonly instance: Instance; readonly expiresAt: string },
): Promise<void> {
  return runtime.database.transaction(async (transaction) => {
    const expiringNotifiedAt = isoTime(runtime.clock.now());
    if (!(await updateInstance(transaction, instance, { expiringNotifiedAt }))) return;
    const { id, state, reason, generation } = instance;
    await runtime.events.record(transaction, {
      type: "instance.expiring",
      ownerId: instance.ownerId,
      subjectId: id,
      data: { instanceId: id, state, reason, generation, expiresAt },
    });
  });
}

/** Probes what this host runs and has not probed for an interval. */
export async function sweepHealth(deps: SweepDeps): Promise<void> {
  const { runtime } = deps;
  const before = isoTime(runtime.clock.now() - deps.healthIntervalMs);
  const unprobed = await findUnprobed(runtime.database.connection, { ...due(deps), before });
  await each(deps, unprobed, (instance) => probe(deps, instance));
}
