import { z } from "@hono/zod-openapi";
import type { CostSummary, PlatformStats, UsageInterval } from "../services.ts";
import { count, type Members, time } from "./views.ts";

/** One row of `GET /usage`. */
export const usageIntervalView = z
  .object({
    id: z.string(),
    ownerId: z.string(),
    instanceId: z.string(),
    provider: z.string(),
    generation: count,
    startedAt: time,
    endedAt: time.nullable(),
    durationSeconds: z.number(),
    costNanoDollars: z.string(),
  } satisfies Members<UsageInterval>)
  .openapi("UsageInterval");

/** The answer to `GET /costs`. */
export const costSummaryView = z
  .object({
    ownerId: z.string().nullable(),
    periodDays: count,
    usageCount: count,
    totalSeconds: z.number(),
    totalCostCents: z.number(),
    totalCostDollars: z.string(),
  } satisfies Members<CostSummary>)
  .openapi("CostSummary");

/** The answer to `GET /stats`. */
export const platformStatsView = z
  .object({
    servers: count,
    instances: z.record(z.string(), count),
    toolCalls: z.object({ total: count, failed: count, averageDurationMs: z.number().nullable() }),
  } satisfies Members<PlatformStats>)
  .openapi("PlatformStats");
