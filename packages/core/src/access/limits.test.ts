import { describe, expect, it } from "vitest";
import { isPlatformError } from "../errors.ts";
import { createRateLimits, DEFAULT_RATE_LIMITS, type RateLimitName, type RateLimits } from "./limits.ts";

const alice = { actor: { id: "alice" } };

async function countUntilRefused(limits: RateLimits, rule: RateLimitName, who: object): Promise<number> {
  for (let count = 0; count < 500; count += 1) {
    const isRefused = await limits.consume(rule, who).then(
      () => false,
      () => true,
    );
    if (isRefused) return count;
  }
  return Number.POSITIVE_INFINITY;
}

describe("rate limits", () => {
  it("let as many through as the defaults say, each rule for itself", async () => {
    const limits = createRateLimits();
    expect(await countUntilRefused(limits, "api", alice)).toBe(100);
    expect(await countUntilRefused(limits, "toolCall", alice)).toBe(20);
    expect(await countUntilRefused(limits, "instanceCreate", alice)).toBe(5);
    expect(DEFAULT_RATE_LIMITS.instanceCreate).toEqual({ points: 5, durationSeconds: 300 });
  });

  it("tell when to come back", async () => {
    const limits = createRateLimits({ api: { points: 1, durationSeconds: 7 } });
    await limits.consume("api", alice);
    const refused = await limits.consume("api", alice).catch((error: unknown) => error);
    if (!isPlatformError(refused, "RATE_LIMITED")) throw refused;
    expect(refused.status).toBe(429);
    expect(refused.retryable).toBe(true);
    expect(refused.details?.rule).toBe("api");
    expect(refused.details?.retryAfterMs).toBeGreaterThan(0);
    expect(refused.details?.retryAfterMs).toBeLessThanOrEqual(7000);
    expect(refused.message).toMatch(/^Rate limit "api" is used up: 1 in 7 s\. Try again in [1-7] s\.$/);
  });

  it("count each actor alone, and an address where there is no actor", async () => {
    const limits = createRateLimits({ api: { points: 2, durationSeconds: 60 } });
    expect(await countUntilRefused(limits, "api", alice)).toBe(2);
    expect(await countUntilRefused(limits, "api", { actor: { id: "bob" }, address: "10.0.0.1" })).toBe(2);
    expect(await countUntilRefused(limits, "api", { address: "10.0.0.1" })).toBe(2);
    expect(await countUntilRefused(limits, "api", { address: "alice" })).toBe(2);
  });

  it("count an owner's access tokens with the owner", async () => {
    const limits = createRateLimits({ api: { points: 2, durationSeconds: 60 } });
    await limits.consume("api", alice);
    expect(await countUntilRefused(limits, "api", { actor: { id: "alice", instanceId: "i-1" } })).toBe(1);
  });

  it("do not hold for nobody, nor where a rule is turned off", async () => {
    const limits = createRateLimits({ toolCall: false, api: { points: 1, durationSeconds: 1 } });
    expect(await countUntilRefused(limits, "api", {})).toBe(Number.POSITIVE_INFINITY);
    expect(await countUntilRefused(limits, "toolCall", alice)).toBe(Number.POSITIVE_INFINITY);
    expect(await countUntilRefused(limits, "instanceCreate", alice)).toBe(5);
  });

  it("share counters among callers beyond the maximum, so that made-up addresses take no memory", async () => {
    const rule = { points: 3, durationSeconds: 60 };
    const limits = createRateLimits({ api: rule }, { maximumCallers: 10 });
    for (let index = 0; index < 10; index += 1) await limits.consume("api", { address: `known-${index}` });
    let passed = 0;
    for (let index = 0; index < 2000; index += 1) {
      passed += await limits.consume("api", { address: `flood-${index}` }).then(
        () => 1,
        () => 0,
      );
    }
    expect(passed).toBeLessThanOrEqual(256 * rule.points);
    expect(passed).toBeGreaterThan(0);
    expect(await countUntilRefused(limits, "api", { address: "known-1" })).toBe(2);
  });

  it("give the memory back when the period is over", async () => {
    let now = 0;
    const clock = { now: () => now, setTimer: () => () => {} };
    const limits = createRateLimits(
      { api: { points: 1, durationSeconds: 60 } },
      { clock, maximumCallers: 1 },
    );
    await limits.consume("api", { address: "first" });
    now = 61_000;
    await limits.consume("api", { address: "second" });
    await expect(limits.consume("api", { address: "second" })).rejects.toThrow(/used up/);
  });

  it.each([
    { api: { points: 0, durationSeconds: 1 } },
    { api: { points: 1, durationSeconds: 100_000_000 } },
    { api: { points: 1.5, durationSeconds: 1 } },
    { api: true },
    { calls: { points: 1, durationSeconds: 1 } },
  ])("refuse rules that make no sense: %j", (rules) => {
    expect(() => createRateLimits(rules as never)).toThrowError(/^The table of rate limits is not valid: /);
  });
});
