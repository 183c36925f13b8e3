import { sql } from "kysely";
import type { ToolCallRecord } from "../contracts/proxy.ts";
import { isPlatformError } from "../errors.ts";
import type { Page } from "../pages.ts";
import type { PlatformStats, ToolCallQuery } from "../services.ts";
import { decodeJson, encodeJson, storableText } from "./codec.ts";
import type { Connection } from "./database.ts";
import { pageById } from "./pages.ts";
import type { ToolCallRow } from "./schema.ts";

// Fourteen variables a row; SQLite takes 32,766 in one statement, Postgres 65,535.
const ROWS_PER_STATEMENT = 500;

/** Writes ended calls into the log; a call that is in it already is left as it is, so that a batch may be repeated. */
export async function insertToolCalls(
  connection: Connection,
  records: readonly ToolCallRecord[],
): Promise<void> {
  for (let start = 0; start < records.length; start += ROWS_PER_STATEMENT) {
    await connection
      .insertInto("mcp_tool_calls")
      .values(records.slice(start, start + ROWS_PER_STATEMENT).map(toRow))
      .onConflict((conflict) => conflict.column("id").doNothing())
      .execute();
  }
}

/** Newest first. */
export function listToolCalls(connection: Connection, query: ToolCallQuery): Promise<Page<ToolCallRecord>> {
  let rows = connection.selectFrom("mcp_tool_calls").selectAll();
  if (query.ownerId !== undefined) rows = rows.where("owner_id", "=", query.ownerId);
  if (query.instanceId !== undefined) rows = rows.where("instance_id", "=", query.instanceId);
  if (query.tool !== undefined) rows = rows.where("tool", "=", storableText(query.tool));
  if (query.status !== undefined) rows = rows.where("status", "=", query.status);
  return pageById(query, async ({ before, limit }) => {
    const page = before === undefined ? rows : rows.where("id", "<", before);
    return (await page.orderBy("id", "desc").limit(limit).execute()).map(toRecord);
  });
}

/** How many calls there were, how many of them did not succeed, and how long they took on average. */
export async function countToolCalls(
  connection: Connection,
  ownerId?: string,
): Promise<PlatformStats["toolCalls"]> {
  let rows = connection
    .selectFrom("mcp_tool_calls")
    .select((expression) => [
      expression.fn.countAll().as("total"),
      sql<number | string>`count(case when status <> 'success' then 1 end)`.as("failed"),
      expression.fn.avg<number | string | null>("duration_ms").as("average"),
    ]);
  if (ownerId !== undefined) rows = rows.where("owner_id", "=", ownerId);
  const { total, failed, average } = await rows.executeTakeFirstOrThrow();
  return {
    total: Number(total),
    failed: Number(failed),
    averageDurationMs: average === null ? null : Number(average),
  };
}

function toRow(record: ToolCallRecord): ToolCallRow {
  return {
    id: record.id,
    owner_id: record.ownerId,
    actor_id: record.actorId,
    instance_id: record.instanceId,
    server_id: record.serverId,
    session_id: record.sessionId,
    tool: storableText(record.tool),
    arguments: encodeContent(record.arguments),
    result: encodeContent(record.result),
    status: record.status,
    error_message: record.errorMessage === null ? null : storableText(record.errorMessage),
    duration_ms: Math.round(record.durationMs),
    retries: record.retries,
    created_at: record.createdAt,
  };
}

// A server's answer may be nested too deep to be written; that must not lose the other calls of the batch.
function encodeContent(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  try {
    return encodeJson(value);
  } catch (error) {
    if (isPlatformError(error, "INTERNAL")) return null;
    throw error;
  }
}

function decodeContent(text: string | null, column: "arguments" | "result"): unknown {
  return text === null ? null : decodeJson<unknown>(text, `mcp_tool_calls.${column}`);
}

function toRecord(row: ToolCallRow): ToolCallRecord {
  return {
    id: row.id,
    ownerId: row.owner_id,
    actorId: row.actor_id,
    instanceId: row.instance_id,
    serverId: row.server_id,
    sessionId: row.session_id,
    tool: row.tool,
    arguments: decodeContent(row.arguments, "arguments"),
    result: decodeContent(row.result, "result"),
    status: row.status as ToolCallRecord["status"],
    errorMessage: row.error_message,
    durationMs: row.duration_ms,
    retries: row.retries,
    createdAt: row.created_at,
  };
}
