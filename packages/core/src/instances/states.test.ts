import fc from "fast-check";
import { expect, test } from "vitest";
import { DESIRED_STATES, INSTANCE_STATES, type InstanceState } from "./instance.ts";
import { canMove, isSettled, type NextStep, nextStep, TRANSITIONS, UNSETTLED_PAIRS } from "./states.ts";

const NOW = "2026-11-20T12:00:00.000Z";

/** The state that a step leads to when nothing goes wrong. */
const LEADS_TO: Partial<Record<NextStep, InstanceState>> = {
  launch: "running",
  halt: "stopped",
  settle: "stopped",
  erase: "deleted",
};

test("every state but deleted can still be deleted", () => {
  for (const state of INSTANCE_STATES) expect(canMove(state, "deleted")).toBe(state !== "deleted");
});

test("nothing comes back from deleted", () => {
  expect(TRANSITIONS.deleted).toEqual([]);
});

test("a running instance cannot be started a second time", () => {
  expect(canMove("running", "starting")).toBe(false);
});

test("from any state, the steps reach what is desired in at most three", () => {
  fc.assert(
    fc.property(fc.constantFrom(...DESIRED_STATES), fc.constantFrom(...INSTANCE_STATES), (desired, from) => {
      let state = from;
      for (let count = 0; count < 3; count++) {
        const step = nextStep({ desired, state, nextAttemptAt: null }, NOW);
        if (step === "none") break;
        const next = LEADS_TO[step];
        expect(next).toBeDefined();
        if (next) state = next;
      }
      expect(isSettled({ desired, state })).toBe(true);
    }),
  );
});

test("a crashed instance waits for the end of its pause, and a stop does not wait for it", () => {
  const later = "2026-11-20T12:00:01.000Z";
  expect(nextStep({ desired: "running", state: "failed", nextAttemptAt: later }, NOW)).toBe("wait");
  expect(nextStep({ desired: "running", state: "failed", nextAttemptAt: NOW }, NOW)).toBe("launch");
  expect(nextStep({ desired: "deleted", state: "failed", nextAttemptAt: later }, NOW)).toBe("erase");
});

test("an interrupted start is taken up again, and an interrupted stop is finished first", () => {
  expect(nextStep({ desired: "running", state: "starting", nextAttemptAt: null }, NOW)).toBe("launch");
  expect(nextStep({ desired: "running", state: "stopping", nextAttemptAt: null }, NOW)).toBe("halt");
});

test("the sweep looks at exactly the pairs that are not settled", () => {
  const all = DESIRED_STATES.flatMap((desired) => INSTANCE_STATES.map((state) => ({ desired, state })));
  expect(UNSETTLED_PAIRS).toEqual(all.filter((pair) => !isSettled(pair)));
});
