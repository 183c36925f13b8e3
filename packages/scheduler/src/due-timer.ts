import type { Clock } from "@moorage/core";

/** Longest single timer: far below what a timer can hold, and short enough to notice that the clock was set. */
const LONGEST_TIMER_MS = 60_000;

export interface DueTimerOptions {
  readonly delayMs: number;
  /**
   * Wait until the wall clock says so, also when it is set back meanwhile. Otherwise the wait is a duration, which
   * a clock that is set back does not lengthen.
   */
  readonly byWallClock: boolean;
}

/** Calls `callback` once, when it is due, however late the timer fires. Returns the way to cancel it. */
export function setDueTimer(clock: Clock, options: DueTimerOptions, callback: () => void): () => void {
  const dueAt = clock.now() + options.delayMs;
  let cancel = wait(options.delayMs);

  function wait(leftMs: number): () => void {
    const delayMs = Math.min(leftMs, LONGEST_TIMER_MS);
    return clock.setTimer(() => fire(leftMs - delayMs), delayMs);
  }

  function fire(leftMs: number): void {
    const byClockMs = dueAt - clock.now();
    const restMs = options.byWallClock ? byClockMs : Math.min(byClockMs, leftMs);
    if (restMs > 0) cancel = wait(restMs);
    else callback();
  }

  return () => cancel();
}
