import { type RawBuilder, type SqlBool, sql } from "kysely";
import type { Connection } from "./database.ts";
import { dialectOf } from "./dialect-of.ts";

/**
 * A condition on rows of `mcp_events`: no event with a lower sequence can still appear. Always true on SQLite, which
 * has one writer at a time. On Postgres a transaction may commit after one that took a later sequence; what it may
 * still precede is held back until it is over, or for a minute.
 */
export async function settledEvents(connection: Connection): Promise<RawBuilder<SqlBool>> {
  if (dialectOf(connection) === "sqlite") return sql`1 = 1`;
  const { newest, isWriting } = await writersOfEvents(connection);
  return isWriting ? writtenBeforeAllThatRun() : sql`sequence <= ${newest}`;
}

// In this order: who took a sequence up to the newest one holds the table's lock until it is over, so that without
// any holder everything up to the newest one is decided.
async function writersOfEvents(connection: Connection) {
  const last = await connection
    .selectFrom("mcp_events")
    .select(["sequence", sql<string>`tableoid::text`.as("table")])
    .orderBy("sequence", "desc")
    .limit(1)
    .executeTakeFirst();
  if (!last) return { newest: 0, isWriting: false };
  const holders = await sql`
    select 1 from pg_locks
    where locktype = 'relation' and mode = 'RowExclusiveLock' and pid <> pg_backend_pid()
      and database = (select oid from pg_database where datname = current_database())
      and relation::text = ${last.table} limit 1`.execute(connection);
  return { newest: Number(last.sequence), isWriting: holders.rows.length > 0 };
}

function writtenBeforeAllThatRun(): RawBuilder<SqlBool> {
  const written = sql.ref("mcp_events.xmin");
  const minuteAgo = sql`clock_timestamp() - interval '1 minute'`;
  return sql`(
    created_at < (select to_char((${minuteAgo}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
    or age(${written}) > (select age(pg_snapshot_xmin(pg_current_snapshot())::xid)))`;
}
