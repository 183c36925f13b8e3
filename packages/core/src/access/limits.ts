import { createHash } from "node:crypto";
import { RateLimiterMemory, type RateLimiterRes } from "rate-limiter-flexible";
import { z } from "zod";
import { type Clock, systemClock } from "../clock.ts";
import { PlatformError } from "../errors.ts";
import { parseInput } from "../input.ts";
import type { Actor } from "./actor.ts";

/** One named rate limit: `points` requests in `durationSeconds`, per actor. */
export interface RateLimitRule {
  readonly points: number;
  readonly durationSeconds: number;
}

export type RateLimitName = "api" | "toolCall" | "instanceCreate";

/** Counts requests per actor, or per network address where there is no actor. */
export interface RateLimits {
  /** Throws `RATE_LIMITED` with `retryAfterMs` when the rule is used up. No actor and no address: not limited. */
  consume(rule: RateLimitName, who: { readonly actor?: Actor; readonly address?: string }): Promise<void>;
}

/** The rules of a platform that names none: 100 requests and 20 tool calls a minute, 5 new instances in 5 minutes. */
export const DEFAULT_RATE_LIMITS: Readonly<Record<RateLimitName, RateLimitRule>> = {
  api: { points: 100, durationSeconds: 60 },
  toolCall: { points: 20, durationSeconds: 60 },
  instanceCreate: { points: 5, durationSeconds: 300 },
};

/** Rules of the host's; `false` turns one off, and one that is left out keeps its default. */
export type RateLimitRules = Readonly<Partial<Record<RateLimitName, RateLimitRule | false>>>;

export interface RateLimitsOptions {
  readonly clock?: Clock;
  /** Callers counted one by one in each rule and period; those beyond share 256 counters. 50,000 if left out. */
  readonly maximumCallers?: number;
}

const DAY_SECONDS = 86_400;
const SHARED_COUNTERS = 256;

const rule = z.strictObject({
  points: z.int().min(1).max(1_000_000_000),
  durationSeconds: z.int().min(1).max(DAY_SECONDS),
});
const rulesSchema = z
  .strictObject({
    api: z.union([rule, z.literal(false)]),
    toolCall: z.union([rule, z.literal(false)]),
    instanceCreate: z.union([rule, z.literal(false)]),
  })
  .partial();

/** Counts in this process's memory. Throws `INVALID_INPUT` for rules that make no sense. */
export function createRateLimits(rules: RateLimitRules = {}, options: RateLimitsOptions = {}): RateLimits {
  const merged = { ...DEFAULT_RATE_LIMITS, ...parseInput(rulesSchema, rules, "table of rate limits") };
  const counters = new Map(
    Object.entries(merged).flatMap(([name, chosen]) =>
      chosen ? [[name, createCounter(name, chosen, options)] as const] : [],
    ),
  );
  return {
    async consume(name, who) {
      const caller = callerKey(who);
      if (caller !== undefined) await counters.get(name)?.(caller);
    },
  };
}

type Counter = (caller: string) => Promise<void>;

function createCounter(name: string, chosen: RateLimitRule, options: RateLimitsOptions): Counter {
  const { clock = systemClock, maximumCallers = 50_000 } = options;
  const limiter = new RateLimiterMemory({ points: chosen.points, duration: chosen.durationSeconds });
  let periodEndsAt = 0;
  let callers = 0;
  const slotFor = async (caller: string): Promise<string> => {
    if (clock.now() >= periodEndsAt) {
      periodEndsAt = clock.now() + chosen.durationSeconds * 1000;
      callers = 0;
    }
    if ((await limiter.get(caller)) !== null) return caller;
    // Addresses cost nothing to make up, so that a caller beyond the maximum must not get memory of its own.
    if (callers >= maximumCallers) return `shared:${sharedCounter(caller)}`;
    callers += 1;
    return caller;
  };
  return async (caller) => {
    try {
      await limiter.consume(await slotFor(caller));
    } catch (refused) {
      if (refused instanceof Error) throw refused;
      throw rateLimited(name, chosen, (refused as RateLimiterRes).msBeforeNext);
    }
  };
}

function callerKey(who: { readonly actor?: Actor; readonly address?: string }): string | undefined {
  if (who.actor) return `actor:${digest(who.actor.id)}`;
  return who.address === undefined ? undefined : `address:${digest(who.address)}`;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}

function sharedCounter(caller: string): number {
  return createHash("sha256").update(caller).digest().readUInt32BE(0) % SHARED_COUNTERS;
}

function rateLimited(
  name: string,
  chosen: RateLimitRule,
  retryAfterMs: number,
): PlatformError<"RATE_LIMITED"> {
  return new PlatformError(
    "RATE_LIMITED",
    `Rate limit "${name}" is used up: ${chosen.points} in ${chosen.durationSeconds} s. ` +
      `Try again in ${Math.ceil(retryAfterMs / 1000)} s.`,
    { details: { rule: name, retryAfterMs } },
  );
}
