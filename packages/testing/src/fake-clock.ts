import { setImmediate as turn } from "node:timers/promises";
import { type Clock, invalidInput } from "@moorage/core";

/** A clock that stands still until it is told to move. */
export interface FakeClock extends Clock {
  /** Timers that are set and have not fired. */
  readonly timers: number;
  /**
   * Moves time on by this many milliseconds and fires the timers that become due, in order. What a timer
   * sets off may run, and set timers of its own, before the next one fires. Rejects with what a callback throws.
   */
  advance(milliseconds: number): Promise<void>;
  /** Corrects the time of day, forwards or backwards, as an administrator would: no timer fires or moves. */
  set(isoTime: string): void;
}

interface Timer {
  readonly callback: () => void;
  readonly dueAt: number;
}

function parseTime(text: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time)) {
    const message = `"${text}" is not a time; use ISO 8601, such as 2026-01-01T00:00:00Z.`;
    throw invalidInput("time", [{ path: "isoTime", message }]);
  }
  return time;
}

/** Makes a {@link FakeClock} that shows `start`, an ISO-8601 time. */
export function fakeClock(start = "2026-01-01T00:00:00.000Z"): FakeClock {
  const timers = new Set<Timer>();
  let dayStart = parseTime(start);
  let elapsed = 0;
  let horizon = 0;

  function earliest(until: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of timers) {
      if (timer.dueAt <= until && (first === undefined || timer.dueAt < first.dueAt)) first = timer;
    }
    return first;
  }

  async function advance(milliseconds: number): Promise<void> {
    if (!(milliseconds >= 0)) {
      const message = `a clock cannot be advanced by ${milliseconds} ms; use set() instead.`;
      throw invalidInput("advance", [{ path: "milliseconds", message }]);
    }
    // Kept apart from `elapsed`, so that two overlapping calls add up.
    horizon += milliseconds;
    const until = horizon;
    await turn();
    for (let timer = earliest(until); timer !== undefined; timer = earliest(until)) {
      timers.delete(timer);
      elapsed = Math.max(elapsed, timer.dueAt);
      timer.callback();
      await turn();
    }
    elapsed = Math.max(elapsed, until);
  }

  return {
    get timers() {
      return timers.size;
    },
    now: () => dayStart + elapsed,
    setTimer(callback, delayMs) {
      const timer = { callback, dueAt: elapsed + Math.max(0, delayMs) };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance,
    set(isoTime) {
      dayStart = parseTime(isoTime) - elapsed;
    },
  };
}
