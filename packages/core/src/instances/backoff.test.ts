import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULT_RESTART_POLICY, restartDelayMs } from "./backoff.ts";

test("the ceiling of the pause doubles with every crash, up to a minute", () => {
  const longest = [1, 2, 3, 4, 5, 6, 7, 8].map((crashes) =>
    restartDelayMs(crashes, DEFAULT_RESTART_POLICY, () => 0.999_999),
  );
  expect(longest).toEqual([999, 1_999, 3_999, 7_999, 15_999, 31_999, 59_999, 59_999]);
});

test("a pause is never negative and never longer than the ceiling", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.double({ min: 0, max: 0.999_999, noNaN: true }),
      (crashes, drawn) => {
        const pause = restartDelayMs(crashes, DEFAULT_RESTART_POLICY, () => drawn);
        expect(pause).toBeGreaterThanOrEqual(0);
        expect(pause).toBeLessThanOrEqual(DEFAULT_RESTART_POLICY.ceilingMs);
      },
    ),
  );
});
