import { expect, test } from "vitest";
import { usedAt } from "./activity.ts";

const NOW = Date.parse("2026-11-20T12:00:00.000Z");
const running = { state: "running", idleSeconds: 60, expiresAt: null } as const;

test("a use moves the idle stop, and the owner may be warned of it anew", () => {
  expect(usedAt(running, NOW)).toEqual({
    lastActivityAt: "2026-11-20T12:00:00.000Z",
    autoStopAt: "2026-11-20T12:01:00.000Z",
    expiringNotifiedAt: null,
  });
});

test("a use does not repeat the warning of an end that it cannot move", () => {
  const expiring = { ...running, expiresAt: "2026-11-20T12:00:30.000Z" };
  expect(usedAt(expiring, NOW)).not.toHaveProperty("expiringNotifiedAt");
});

test("an instance without an idle time, or one that does not run, only remembers its last use", () => {
  const used = { lastActivityAt: "2026-11-20T12:00:00.000Z" };
  expect(usedAt({ ...running, idleSeconds: null }, NOW)).toEqual(used);
  expect(usedAt({ ...running, state: "stopped" }, NOW)).toEqual(used);
});
