import { CompiledQuery, type Kysely, type RawBuilder, sql, WithSchemaPlugin } from "kysely";
import { type Clock, isoTime, systemClock } from "../clock.ts";
import { PlatformError } from "../errors.ts";
import type { PlatformOptions } from "../platform-types.ts";
import type { Connection, Database, DatabaseHandle, Dialect } from "./database.ts";
import { dialectOf } from "./dialect-of.ts";
import { COLLISION_POLICY, isPostgresCollision, isSqliteBusy, LOCK_POLICY, withRetries } from "./retry.ts";
import { beginsImmediately } from "./sqlite-dialect.ts";
import { DEFAULT_TABLE_PREFIX, tablePrefixPlugin } from "./table-prefix.ts";

export interface OpenDatabaseOptions {
  /** If given, `now()` tells this clock's time on both dialects; for tests that move time by hand. */
  readonly clock?: Clock | undefined;
  /** Prefix of the table names; `mcp_` if left out. */
  readonly tablePrefix?: string | undefined;
}

/**
 * The platform's database on a handle from `sqlite()` or `postgres()`, or on the host's own Kysely, which is used
 * without its plugins (except `withSchema`) and never closed. Does no I/O. Throws `INVALID_INPUT` for anything else.
 *
 * On a host's own SQLite Kysely a transaction takes the write lock at once too, and waits for it between tries; its
 * single statements wait as its driver does, which holds up the event loop for up to its `busy_timeout`. Of the drivers
 * better-sqlite3 does well; for libsql, whose statements stay open after they met a lock, use `sqlite()`.
 */
export function openDatabase(
  source: PlatformOptions["database"],
  options: OpenDatabaseOptions = {},
): Database {
  const handle = toHandle(source);
  const { dialect } = handle;
  const prefix = tablePrefixPlugin(options.tablePrefix ?? DEFAULT_TABLE_PREFIX);
  const connection = handle.kysely.withPlugin(prefix) as unknown as Connection;
  return {
    dialect,
    connection,
    transaction: dialect === "postgres" ? collidingTransactions(connection) : lockingTransactions(connection),
    now: (offsetMs = 0) => currentTime(dialect, options.clock, offsetMs),
    close: async () => handle.close?.(),
  };
}

function toHandle(source: PlatformOptions["database"]): DatabaseHandle {
  const isObject = typeof source === "object" && source !== null;
  if (isObject && "kysely" in source && (source.dialect === "sqlite" || source.dialect === "postgres")) {
    return source;
  }
  if (isObject && "getExecutor" in source) {
    return { dialect: dialectOf(source), kysely: withoutForeignPlugins(source) };
  }
  const message = "database must be what sqlite() or postgres() returns, or a Kysely instance.";
  throw new PlatformError("INVALID_INPUT", message, {
    details: { issues: [{ path: "database", message }] },
  });
}

// A CamelCasePlugin of the host would rename the columns of the platform's rows.
function withoutForeignPlugins(kysely: Kysely<unknown>): Kysely<unknown> {
  const schemas = kysely.getExecutor().plugins.filter((plugin) => plugin instanceof WithSchemaPlugin);
  return schemas.reduce((plain, plugin) => plain.withPlugin(plugin), kysely.withoutPlugins());
}

type RunTransaction = Database["transaction"];

function collidingTransactions(connection: Connection): RunTransaction {
  return (work) =>
    withRetries(COLLISION_POLICY, isPostgresCollision, () => connection.transaction().execute(work));
}

function lockingTransactions(connection: Connection): RunTransaction {
  if (beginsImmediately(connection.getExecutor().adapter)) {
    return (work) => connection.transaction().execute(work);
  }
  return (work) => connection.connection().execute((single) => runImmediately(single, work));
}

async function runImmediately<Result>(
  single: Connection,
  work: (transaction: Connection) => Promise<Result>,
): Promise<Result> {
  const run = (statement: string) => single.executeQuery(CompiledQuery.raw(statement));
  await withRetries(LOCK_POLICY, isSqliteBusy, () => run("begin immediate"));
  try {
    const result = await work(single);
    await withRetries(LOCK_POLICY, isSqliteBusy, () => run("commit"));
    return result;
  } catch (error) {
    // SQLite may have rolled back by itself already; the first error tells why.
    await run("rollback").catch(() => undefined);
    throw error;
  }
}

function currentTime(dialect: Dialect, clock: Clock | undefined, offsetMs: number): RawBuilder<string> {
  if (dialect === "postgres" && clock === undefined) {
    // As a scalar query it is computed once per statement, so that an index on the other side can be used.
    const at = sql`clock_timestamp() + ${sql.lit(Math.round(offsetMs))} * interval '1 millisecond'`;
    return sql`(select to_char((${at}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))`;
  }
  const text = isoTime((clock ?? systemClock).now() + offsetMs);
  return dialect === "postgres" ? sql`cast(${text} as text)` : sql`${text}`;
}
