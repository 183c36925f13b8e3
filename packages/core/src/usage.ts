import { z } from "zod";
import type { Access } from "./access/authorize.ts";
import type { Clock } from "./clock.ts";
import { parseInput } from "./input.ts";
import type { CostSummary, Usage } from "./services.ts";
import type { Connection } from "./store/database.ts";
import { listUsage, sumUsage, type UsageSum } from "./store/usage.ts";

const DAY_MS = 86_400_000;
const NANO_DOLLARS_PER_CENT = 10_000_000n;
const NANO_DOLLARS_PER_DOLLAR = 1_000_000_000n;

const costsSchema = z.strictObject({
  days: z.int().min(1).max(3_660).default(30),
  ownerId: z.string().min(1).max(200).optional(),
});

/** Usage intervals and what they cost. An interval that is open counts until now. */
export function createUsage(deps: {
  readonly access: Access;
  readonly connection: Connection;
  readonly clock: Clock;
}): Usage {
  const { access, connection, clock } = deps;
  return {
    list: async (query = {}, options = {}) => {
      const ownerId = await access.visibleOwner(options.actor, "usage.read", query.ownerId);
      const { ownerId: _, ...rest } = query;
      return listUsage(connection, ownerId === undefined ? rest : { ...rest, ownerId }, clock.now());
    },
    costs: async (query = {}, options = {}) => {
      const { days, ownerId: wanted } = parseInput(costsSchema, query, "query");
      const ownerId = await access.visibleOwner(options.actor, "usage.read", wanted);
      const untilMs = clock.now();
      const period = { sinceMs: untilMs - days * DAY_MS, untilMs };
      const sum = await sumUsage(connection, ownerId === undefined ? period : { ...period, ownerId });
      return summary(sum, { ownerId: ownerId ?? null, periodDays: days });
    },
  };
}

function summary(sum: UsageSum, about: Pick<CostSummary, "ownerId" | "periodDays">): CostSummary {
  const { usageCount, totalSeconds, totalNanoDollars } = sum;
  const cents = (totalNanoDollars + NANO_DOLLARS_PER_CENT / 2n) / NANO_DOLLARS_PER_CENT;
  return {
    ...about,
    usageCount,
    totalSeconds,
    totalCostCents: Number(cents),
    totalCostDollars: dollars(totalNanoDollars),
  };
}

/** Exact decimal text: nine places, because a second of a small machine costs billionths. */
function dollars(nanoDollars: bigint): string {
  const whole = nanoDollars / NANO_DOLLARS_PER_DOLLAR;
  const rest = (nanoDollars % NANO_DOLLARS_PER_DOLLAR).toString().padStart(9, "0");
  return `${whole}.${rest}`;
}
