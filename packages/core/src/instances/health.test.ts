import { expect, test } from "vitest";
import { healthAfter } from "./health.ts";

test("an instance is unhealthy after three failed probes in a row, not before", () => {
  let state = { health: "healthy" as const, healthFailures: 0 } as ReturnType<typeof healthAfter>;
  const seen = [1, 2, 3].map(() => {
    state = healthAfter(state, false, 3);
    return state.health;
  });
  expect(seen).toEqual(["healthy", "healthy", "unhealthy"]);
});

test("one answer heals, and the count starts anew", () => {
  expect(healthAfter({ health: "unhealthy", healthFailures: 7 }, true, 3)).toEqual({
    health: "healthy",
    healthFailures: 0,
  });
});
