import { sql } from "kysely";
import type { Page } from "../pages.ts";
import type { OwnedQuery, UsageInterval } from "../services.ts";
import type { Connection } from "./database.ts";
import { pageById } from "./pages.ts";
import type { UsageRow } from "./schema.ts";

export interface NewInterval {
  readonly id: string;
  readonly ownerId: string;
  readonly instanceId: string;
  readonly provider: string;
  readonly generation: number;
  /** Nano-dollars. */
  readonly priceNanoPerSecond: bigint;
  /** ISO-8601 UTC. */
  readonly startedAt: string;
}

/** Begins to bill an instance. Returns false, and writes nothing, while an interval of it is open already. */
export async function openInterval(connection: Connection, interval: NewInterval): Promise<boolean> {
  const result = await connection
    .insertInto("mcp_usage")
    .values({
      id: interval.id,
      owner_id: interval.ownerId,
      instance_id: interval.instanceId,
      provider: interval.provider,
      generation: interval.generation,
      price_nano_per_second: String(interval.priceNanoPerSecond),
      started_at: interval.startedAt,
      ended_at: null,
    })
    .onConflict((conflict) => conflict.column("instance_id").where("ended_at", "is", null).doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

/**
 * Ends the open interval of an instance at `endedAt` (ISO-8601 UTC), or at its start if that is later. Returns
 * false if none was open.
 */
export async function closeInterval(
  connection: Connection,
  instanceId: string,
  endedAt: string,
): Promise<boolean> {
  const result = await connection
    .updateTable("mcp_usage")
    .set({ ended_at: sql<string>`case when started_at > ${endedAt} then started_at else ${endedAt} end` })
    .where("instance_id", "=", instanceId)
    .where("ended_at", "is", null)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Newest first; an open interval lasts until `nowMs`. */
export function listUsage(
  connection: Connection,
  query: OwnedQuery & { readonly instanceId?: string },
  nowMs: number,
): Promise<Page<UsageInterval>> {
  let rows = connection.selectFrom("mcp_usage").selectAll();
  if (query.ownerId !== undefined) rows = rows.where("owner_id", "=", query.ownerId);
  if (query.instanceId !== undefined) rows = rows.where("instance_id", "=", query.instanceId);
  return pageById(query, async ({ before, limit }) => {
    const page = before === undefined ? rows : rows.where("id", "<", before);
    const found = await page.orderBy("id", "desc").limit(limit).execute();
    return found.map((row) => toInterval(row, nowMs));
  });
}

/** What a period came to. */
export interface UsageSum {
  readonly usageCount: number;
  readonly totalSeconds: number;
  readonly totalNanoDollars: bigint;
}

export interface UsagePeriod {
  readonly ownerId?: string;
  /** Milliseconds since the Unix epoch; only the part of an interval that lies in the period counts. */
  readonly sinceMs: number;
  readonly untilMs: number;
}

const ROWS_PER_READ = 1_000;

/** Adds up a period, in whole nano-dollars per interval, reading a bounded number of rows at a time. */
export async function sumUsage(connection: Connection, period: UsagePeriod): Promise<UsageSum> {
  let usageCount = 0;
  let totalMs = 0;
  let totalNanoDollars = 0n;
  let last: string | undefined;
  do {
    const rows = await overlapping(connection, period, last);
    for (const row of rows) {
      const lastedMs = overlapMs(row, period);
      usageCount += 1;
      totalMs += lastedMs;
      totalNanoDollars += cost(row, lastedMs);
    }
    last = rows.length < ROWS_PER_READ ? undefined : rows.at(-1)?.id;
  } while (last !== undefined);
  return { usageCount, totalSeconds: totalMs / 1_000, totalNanoDollars };
}

function overlapping(connection: Connection, period: UsagePeriod, after: string | undefined) {
  let rows = connection
    .selectFrom("mcp_usage")
    .selectAll()
    .where("started_at", "<", new Date(period.untilMs).toISOString())
    .where((expression) =>
      expression.or([
        expression("ended_at", "is", null),
        expression("ended_at", ">", new Date(period.sinceMs).toISOString()),
      ]),
    );
  if (period.ownerId !== undefined) rows = rows.where("owner_id", "=", period.ownerId);
  if (after !== undefined) rows = rows.where("id", ">", after);
  return rows.orderBy("id").limit(ROWS_PER_READ).execute();
}

function overlapMs(row: UsageRow, period: Pick<UsagePeriod, "sinceMs" | "untilMs">): number {
  const startMs = Math.max(Date.parse(row.started_at), period.sinceMs);
  const endMs = row.ended_at === null ? period.untilMs : Math.min(Date.parse(row.ended_at), period.untilMs);
  return Math.max(0, endMs - startMs);
}

function cost(row: UsageRow, lastedMs: number): bigint {
  return (BigInt(row.price_nano_per_second) * BigInt(Math.round(lastedMs))) / 1_000n;
}

function toInterval(row: UsageRow, nowMs: number): UsageInterval {
  const lastedMs = overlapMs(row, { sinceMs: Number.NEGATIVE_INFINITY, untilMs: nowMs });
  return {
    id: row.id,
    ownerId: row.owner_id,
    instanceId: row.instance_id,
    provider: row.provider,
    generation: row.generation,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    durationSeconds: lastedMs / 1_000,
    costNanoDollars: String(cost(row, lastedMs)),
  };
}
