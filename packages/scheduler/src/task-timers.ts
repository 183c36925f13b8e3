import type { Clock } from "@moorage/core";
import { setDueTimer } from "./due-timer.ts";
import type { SchedulerSettings } from "./options.ts";
import type { Schedule } from "./schedule.ts";

/** Longest wait for the first run of an interval, so that a process that is restarted daily does weekly work. */
const LONGEST_FIRST_DELAY_MS = 60_000;

export interface TaskTimersOptions {
  readonly schedule: Schedule;
  readonly settings: SchedulerSettings;
  readonly clock: Clock;
  /** Called at every due time with how long, in milliseconds, no other replica should do the same. */
  onDue(claimMs: number): void;
}

/**
 * Calls `onDue` again and again, each time counting from now: however late a timer is, after a suspend or a step of
 * the clock, what was missed is made up for once. Returns the way to stop it.
 */
export function startTaskTimers({ schedule, settings, clock, onDue }: TaskTimersOptions): () => void {
  const { jitter } = settings;
  const spread = () => (schedule.kind === "cron" ? 1 : 1 + jitter * (2 * settings.random() - 1));
  let cancel = () => {};

  function arm(gapMs: number): void {
    const options = { delayMs: gapMs * spread(), byWallClock: schedule.kind === "cron" };
    cancel = setDueTimer(clock, options, fire);
  }

  function fire(): void {
    const gapMs = schedule.gapAfter(clock.now());
    if (gapMs !== null) arm(gapMs);
    // Up to the earliest moment at which another replica may be due again, and no longer.
    onDue((gapMs ?? 0) * (1 - jitter));
  }

  const gapMs = schedule.gapAfter(clock.now());
  if (gapMs !== null) arm(schedule.kind === "cron" ? gapMs : Math.min(gapMs, LONGEST_FIRST_DELAY_MS));
  return () => cancel();
}
