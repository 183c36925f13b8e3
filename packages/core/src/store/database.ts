import type { Kysely, RawBuilder } from "kysely";
import type { CoreTables } from "./schema.ts";

export type Dialect = "sqlite" | "postgres";

/** The database, or a transaction in it: every query function takes one. */
export type Connection = Kysely<CoreTables>;

/** What `sqlite()` and `postgres()` make, and what a host may make of its own Kysely. Opens nothing until used. */
export interface DatabaseHandle {
  readonly dialect: Dialect;
  readonly kysely: Kysely<unknown>;
  /** Closes what the handle opened; absent where the host owns the connection. */
  close?(): Promise<void>;
}

/** The platform's database: one connection pool, its transactions and its clock. */
export interface Database {
  readonly dialect: Dialect;
  readonly connection: Connection;
  /**
   * Runs `work` in one transaction, which on SQLite takes the write lock at once, and on Postgres is run again, `work`
   * with it, when it collides with another one. Inside, use `transaction` alone: on SQLite, `connection` would wait
   * for itself. Throws `DATABASE_BUSY` when the lock is not to be had within about ten seconds.
   */
  transaction<Result>(work: (transaction: Connection) => Promise<Result>): Promise<Result>;
  /** SQL for the time `offsetMs` from now, as stored text: the database's clock on Postgres, the host's on SQLite. */
  now(offsetMs?: number): RawBuilder<string>;
  close(): Promise<void>;
}

/** One named step of the schema. Its name never changes after it has been released. */
export interface Migration {
  up(connection: Kysely<unknown>, dialect: Dialect): Promise<void>;
  down(connection: Kysely<unknown>, dialect: Dialect): Promise<void>;
}

/** Steps by name, run in the order of the record. Append only. */
export type Migrations = Readonly<Record<string, Migration>>;
