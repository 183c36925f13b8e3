import type { Clock } from "@moorage/core";
import { describe, expect, it } from "vitest";
import { setDueTimer } from "./due-timer.ts";

const DAY_MS = 86_400_000;

/** A clock whose wall time and whose timers are moved apart from each other. */
function manualClock() {
  let elapsed = 0;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  const clock = {
    wall: 1_000_000,
    delays: [] as number[],
    now: () => clock.wall,
    setTimer(callback: () => void, delayMs: number) {
      const timer = { at: elapsed + delayMs, callback };
      timers.add(timer);
      clock.delays.push(delayMs);
      return () => void timers.delete(timer);
    },
    /** Lets timers fire for so long; the wall moves along unless told otherwise. */
    pass(milliseconds: number, wallMs = milliseconds) {
      clock.wall += wallMs;
      const until = elapsed + milliseconds;
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (!next) break;
        timers.delete(next);
        elapsed = next.at;
        next.callback();
      }
      elapsed = until;
    },
    get waiting() {
      return timers.size;
    },
  };
  return clock satisfies Clock;
}

function started(options: { readonly delayMs: number; readonly byWallClock: boolean }) {
  const clock = manualClock();
  const calls: number[] = [];
  const cancel = setDueTimer(clock, options, () => void calls.push(clock.wall));
  return { clock, calls, cancel };
}

describe.each([true, false])("a due timer (by wall clock: %s)", (byWallClock) => {
  it("calls once, when it is due", () => {
    const { clock, calls } = started({ delayMs: 500, byWallClock });
    clock.pass(499);
    expect(calls).toEqual([]);
    clock.pass(1);
    expect(calls).toEqual([1_000_500]);
    clock.pass(DAY_MS);
    expect(calls).toHaveLength(1);
  });

  it("waits for longer than one timer can, in pieces of at most a minute", () => {
    const { clock, calls } = started({ delayMs: 40 * DAY_MS, byWallClock });
    for (let day = 0; day < 39; day += 1) clock.pass(DAY_MS);
    expect(calls).toEqual([]);
    clock.pass(DAY_MS);
    expect(calls).toHaveLength(1);
    expect(Math.max(...clock.delays)).toBe(60_000);
  });

  it("notices within a minute that the machine has slept past the time", () => {
    const { clock, calls } = started({ delayMs: DAY_MS, byWallClock });
    clock.pass(60_000, 2 * DAY_MS);
    expect(calls).toHaveLength(1);
  });

  it("can be cancelled, also in a later piece", () => {
    const { clock, calls, cancel } = started({ delayMs: 150_000, byWallClock });
    clock.pass(70_000);
    cancel();
    expect(clock.waiting).toBe(0);
    clock.pass(DAY_MS);
    expect(calls).toEqual([]);
  });
});

describe("when the clock is set back by an hour", () => {
  it("a duration is not lengthened", () => {
    const { clock, calls } = started({ delayMs: 120_000, byWallClock: false });
    clock.pass(60_000, 60_000 - 3_600_000);
    clock.pass(60_000);
    expect(calls).toHaveLength(1);
  });

  it("a moment is waited for", () => {
    const { clock, calls } = started({ delayMs: 120_000, byWallClock: true });
    clock.pass(60_000, 60_000 - 3_600_000);
    clock.pass(60_000);
    expect(calls).toEqual([]);
    clock.pass(3_600_000);
    expect(calls).toHaveLength(1);
  });
});

describe("a timer that fires a little early", () => {
  it("waits for the moment, where it is one", () => {
    const { clock, calls } = started({ delayMs: 1_000, byWallClock: true });
    clock.pass(1_000, 999);
    expect(calls).toEqual([]);
    clock.pass(1);
    expect(calls).toEqual([1_001_000]);
  });
});
