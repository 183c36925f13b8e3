import type { Engine, Ground } from "./assemble.ts";
import { isoTime } from "./clock.ts";
import type { ScheduledTask } from "./contracts/scheduler.ts";
import {
  type SweepDeps,
  sweepExpired,
  sweepExpiring,
  sweepHealth,
  sweepIdle,
  sweepUnsettled,
} from "./instances/sweeps.ts";
import { deleteOlderThan } from "./store/events.ts";

const SECOND_MS = 1_000;
const EVENTS_KEPT_MS = 30 * 86_400 * SECOND_MS;

/**
 * The platform's own tasks. Sweeps look only at rows of this host and of nobody, so that every replica must run
 * them: `everywhere` says so to the scheduler.
 */
export function platformTasks(
  ground: Ground,
  engine: Engine,
  healthIntervalMs: number,
): readonly ScheduledTask[] {
  const deps: SweepDeps = { ...engine, healthIntervalMs };
  const sweep = (name: string, every: number, run: (deps: SweepDeps) => Promise<void>): ScheduledTask => ({
    name,
    every,
    everywhere: true,
    run: () => run(deps),
  });
  return [
    sweep("reconcile", SECOND_MS, sweepUnsettled),
    sweep("expire", 5 * SECOND_MS, sweepExpired),
    sweep("idle", 5 * SECOND_MS, async (deps) => {
      await engine.activity.flush();
      await sweepIdle(deps);
    }),
    sweep("expiring", 30 * SECOND_MS, sweepExpiring),
    sweep("health", Math.min(healthIntervalMs, 30 * SECOND_MS), sweepHealth),
    sweep("deliver", 5 * SECOND_MS, () => ground.events.deliver()),
    { name: "rotation", every: 3_600 * SECOND_MS, run: async () => engine.runtime.vault?.tend() },
    { name: "retention", every: 3_600 * SECOND_MS, run: () => forgetEvents(ground) },
  ];
}

async function forgetEvents(ground: Ground): Promise<void> {
  const before = isoTime(ground.clock.now() - EVENTS_KEPT_MS);
  await deleteOlderThan(ground.database.connection, before);
}
