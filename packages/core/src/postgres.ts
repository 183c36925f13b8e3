import { Kysely, PostgresDialect } from "kysely";
import type { Pool, PoolConfig } from "pg";
import { PlatformError } from "./errors.ts";
import type { DatabaseHandle } from "./store/database.ts";

const DEFAULTS: PoolConfig = {
  max: 10,
  connectionTimeoutMillis: 10_000,
  idleTimeoutMillis: 30_000,
  statement_timeout: 30_000,
  idle_in_transaction_session_timeout: 60_000,
  application_name: "moorage",
};

/**
 * A Postgres database by URL or by the settings of a `pg` pool. Connects on first use; a statement may take 30 s and
 * a connection 10 s unless the settings say otherwise (behind PgBouncer, pass 0 for `statement_timeout` and
 * `idle_in_transaction_session_timeout`). A lost connection fails the query that used it and never the process.
 * Throws `INVALID_INPUT` for an empty URL; using it throws `NOT_CONFIGURED` where `pg` is not installed.
 */
export function postgres(source: string | PoolConfig): DatabaseHandle {
  const settings = typeof source === "string" ? { connectionString: source } : source;
  if (source === "" || typeof settings !== "object" || settings === null) {
    const message =
      "postgres() needs a URL such as postgres://user@host/database, or the settings of a pg pool.";
    throw new PlatformError("INVALID_INPUT", message, {
      details: { issues: [{ path: "database", message }] },
    });
  }
  const kysely = new Kysely<unknown>({
    dialect: new PostgresDialect({ pool: () => openPool({ ...DEFAULTS, ...settings }) }),
  });
  return { dialect: "postgres", kysely, close: () => kysely.destroy() };
}

async function openPool(settings: PoolConfig): Promise<Pool> {
  const { default: pg } = await importPg();
  const pool = new pg.Pool(settings);
  // The query that loses its connection reports it; without a listener the same event would end the process,
  // both for idle connections (on the pool) and for those in use (on the client).
  pool.on("error", ignore);
  pool.on("connect", (client) => client.on("error", ignore));
  return pool;
}

function ignore(): void {}

async function importPg() {
  try {
    return await import("pg");
  } catch (cause) {
    throw new PlatformError("NOT_CONFIGURED", "Postgres needs the pg package. Run: npm install pg", {
      cause,
    });
  }
}
