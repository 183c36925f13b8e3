import type { Selectable } from "kysely";
import type { NewEvent, PlatformEvent, PlatformEventType } from "../events.ts";
import type { Page } from "../pages.ts";
import type { EventQuery } from "../services.ts";
import { decodeJson, encodeJson } from "./codec.ts";
import type { Connection, Database } from "./database.ts";
import { pageBySequence } from "./pages.ts";
import type { EventRow } from "./schema.ts";
import { settledEvents } from "./settled-events.ts";

/** An event with the id and the time (ISO-8601 UTC) it is stored under. */
export type StampedEvent = NewEvent & { readonly id: string; readonly createdAt: string };

/** Puts an event into the outbox, undelivered. Returns its sequence. */
export async function insertEvent(connection: Connection, event: StampedEvent): Promise<number> {
  const row = await connection
    .insertInto("mcp_events")
    .values({
      id: event.id,
      type: event.type,
      owner_id: event.ownerId,
      subject_id: event.subjectId,
      data: encodeJson(event.data),
      created_at: event.createdAt,
      delivered_at: null,
    })
    .returning("sequence")
    .executeTakeFirstOrThrow();
  return Number(row.sequence);
}

/**
 * Newest first; with `after`, oldest first from there. A reader that goes on from the last sequence it saw misses
 * nothing, except on Postgres what a transaction wrote that took more than a minute to commit.
 */
export async function listEvents(connection: Connection, query: EventQuery): Promise<Page<PlatformEvent>> {
  let rows = connection.selectFrom("mcp_events").selectAll();
  if (query.ownerId !== undefined) rows = rows.where("owner_id", "=", query.ownerId);
  if (query.type !== undefined) rows = rows.where("type", "=", query.type);
  if (query.subjectId !== undefined) rows = rows.where("subject_id", "=", query.subjectId);
  const { after } = query;
  if (after === undefined) {
    return pageBySequence(query, async ({ before, limit }) => {
      const page = before === undefined ? rows : rows.where("sequence", "<", before);
      return (await page.orderBy("sequence", "desc").limit(limit).execute()).map(toEvent);
    });
  }
  return pageBySequence({ ...query, order: "oldest" }, async ({ before, limit }) => {
    const page = rows.where(await settledEvents(connection)).where("sequence", ">", before ?? after);
    return (await page.orderBy("sequence").limit(limit).execute()).map(toEvent);
  });
}

export interface ClaimOptions {
  readonly limit: number;
  /** Only events made before this time (ISO-8601 UTC): what the process that made them had its chance to deliver. */
  readonly olderThan?: string;
}

/**
 * Takes undelivered events, oldest first, and marks them delivered, in one statement: of any number of processes
 * one gets each event. Returns them in order.
 */
export async function claimUndelivered(
  database: Database,
  options: ClaimOptions,
): Promise<readonly PlatformEvent[]> {
  const { connection } = database;
  let due = connection.selectFrom("mcp_events").select("sequence").where("delivered_at", "is", null);
  if (options.olderThan !== undefined) due = due.where("created_at", "<", options.olderThan);
  due = due.orderBy("sequence").limit(options.limit);
  if (database.dialect === "postgres") due = due.forUpdate().skipLocked();
  const rows = await connection
    .updateTable("mcp_events")
    .set({ delivered_at: database.now() })
    .where("sequence", "in", due)
    .where("delivered_at", "is", null)
    .returningAll()
    .execute();
  return rows.map(toEvent).sort((left, right) => left.sequence - right.sequence);
}

const DELETED_PER_STATEMENT = 1_000;

/** Removes events made before `before` (ISO-8601 UTC), delivered or not, some at a time. Returns how many. */
export async function deleteOlderThan(connection: Connection, before: string): Promise<number> {
  let removed = 0;
  let batch: number;
  do {
    const old = connection
      .selectFrom("mcp_events")
      .select("sequence")
      .where("created_at", "<", before)
      .limit(DELETED_PER_STATEMENT);
    const result = await connection.deleteFrom("mcp_events").where("sequence", "in", old).executeTakeFirst();
    batch = Number(result.numDeletedRows);
    removed += batch;
  } while (batch === DELETED_PER_STATEMENT);
  return removed;
}

function toEvent(row: Selectable<EventRow>): PlatformEvent {
  return {
    sequence: Number(row.sequence),
    id: row.id,
    type: row.type as PlatformEventType,
    ownerId: row.owner_id,
    subjectId: row.subject_id,
    data: decodeJson<PlatformEvent["data"]>(row.data, "mcp_events.data"),
    createdAt: row.created_at,
  };
}
