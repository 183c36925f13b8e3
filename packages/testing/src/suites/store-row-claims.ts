import { type Database, pageById, uuidV7 } from "@moorage/core";
import { sql } from "kysely";
import { expect } from "vitest";
import { migrated, type StoreClaimCheck } from "./store-claim.ts";

const TIME = "2030-01-01T00:00:00.000Z";

const eventRow = (subject: string) => ({
  id: uuidV7(),
  type: "server.removed",
  owner_id: null,
  subject_id: subject,
  data: "{}",
  created_at: TIME,
  delivered_at: null,
});

const callRow = (tool: string) => ({
  id: uuidV7(),
  owner_id: "suite",
  actor_id: null,
  instance_id: "instance",
  server_id: null,
  session_id: null,
  tool,
  arguments: JSON.stringify({ text: 'Grüße, 世界 🚀\n\\"' }),
  result: null,
  status: "success",
  error_message: null,
  duration_ms: 5,
  retries: 0,
  created_at: TIME,
});

const usageRow = (instanceId: string, endedAt: string | null) => ({
  id: uuidV7(),
  owner_id: "suite",
  instance_id: instanceId,
  provider: "fake",
  generation: 1,
  price_nano_per_second: "123456789012345678901234567890",
  started_at: TIME,
  ended_at: endedAt,
});

function callPage(database: Database, cursor: string | undefined) {
  return pageById({ limit: 70, ...(cursor === undefined ? {} : { cursor }) }, ({ before, limit }) => {
    const rows = database.connection.selectFrom("mcp_tool_calls").selectAll();
    const page = before === undefined ? rows : rows.where("id", "<", before);
    return page.orderBy("id", "desc").limit(limit).execute();
  });
}

/** What must hold of rows: their order, their content, the rules that the database itself keeps. */
export const rowClaims = {
  "numbers events in the order in which they are recorded": async (bench) => {
    const { connection } = await migrated(bench);
    const subjects = Array.from({ length: 20 }, (_, index) => `subject-${index}`);
    for (const subject of subjects)
      await connection.insertInto("mcp_events").values(eventRow(subject)).execute();
    const rows = await connection.selectFrom("mcp_events").selectAll().orderBy("sequence").execute();
    expect(rows.map((row) => row.subject_id)).toEqual(subjects);
    const sequences = rows.map((row) => Number(row.sequence));
    expect(new Set(sequences).size).toBe(20);
    expect(sequences.every(Number.isSafeInteger)).toBe(true);
  },

  "takes hundreds of rows in one statement and shows each on one page": async (bench) => {
    const database = await migrated(bench);
    const rows = Array.from({ length: 500 }, (_, index) => callRow(`tool-${index}`));
    await database.connection.insertInto("mcp_tool_calls").values(rows).execute();
    const seen: unknown[] = [];
    let cursor: string | undefined;
    do {
      const page = await callPage(database, cursor);
      seen.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual([...rows].reverse());
  },

  "has at most one open usage interval for an instance": async (bench) => {
    const { connection } = await migrated(bench);
    const insert = (instanceId: string, endedAt: string | null) =>
      connection.insertInto("mcp_usage").values(usageRow(instanceId, endedAt)).execute();
    await insert("one", null);
    await insert("one", TIME);
    await insert("two", null);
    await expect(insert("one", null)).rejects.toThrow(/unique/i);
    const stored = await connection.selectFrom("mcp_usage").select("price_nano_per_second").execute();
    expect(stored.map((row) => row.price_nano_per_second)).toEqual(
      Array(3).fill("123456789012345678901234567890"),
    );
  },

  "says how many rows a write has changed": async (bench) => {
    const { connection } = await migrated(bench);
    await connection
      .insertInto("mcp_events")
      .values([eventRow("a"), eventRow("b")])
      .execute();
    const updated = await connection.updateTable("mcp_events").set({ owner_id: "x" }).executeTakeFirst();
    expect(updated.numUpdatedRows).toBe(2n);
    const removed = await connection
      .deleteFrom("mcp_events")
      .where("subject_id", "=", "a")
      .executeTakeFirst();
    expect(removed.numDeletedRows).toBe(1n);
  },

  "tells the time as ISO text, with milliseconds and an offset": async ({ empty }) => {
    const query = sql<{
      early: string;
      late: string;
    }>`select ${empty.now()} as early, ${empty.now(5_000)} as late`;
    const [row] = (await query.execute(empty.connection)).rows;
    for (const text of [row?.early ?? "", row?.late ?? ""]) {
      expect(new Date(text).toISOString()).toBe(text);
    }
    const apartMs = Date.parse(row?.late ?? "") - Date.parse(row?.early ?? "");
    expect(apartMs).toBeGreaterThanOrEqual(5_000);
    expect(apartMs).toBeLessThan(10_000);
  },
} satisfies Record<string, StoreClaimCheck>;
