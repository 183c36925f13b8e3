import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { postgres } from "../postgres.ts";
import { sqlite } from "../sqlite.ts";
import type { Database, DatabaseHandle, Dialect } from "./database.ts";
import { migrate } from "./migrate.ts";
import { coreMigrations } from "./migrations.ts";
import { type OpenDatabaseOptions, openDatabase } from "./open-database.ts";

/** An empty database for one test; every handle it gives is another connection, as another replica would have it. */
export interface TestDatabase {
  open(): DatabaseHandle;
  /** Core's tables in it. */
  openMigrated(options?: OpenDatabaseOptions): Promise<Database>;
  /** Closes the handles and removes the database. */
  close(): Promise<void>;
}

/** A dialect to run tests on; `make` is absent where no such database is at hand. */
export interface TestDialect {
  readonly dialect: Dialect;
  readonly isMissing: boolean;
  make(): Promise<TestDatabase>;
}

/** Both dialects: SQLite in a temporary file, Postgres in a schema of its own at `postgresUrl`, if there is one. */
export function testDialects(postgresUrl: string | null): readonly TestDialect[] {
  return [
    { dialect: "sqlite", isMissing: false, make: sqliteFile },
    { dialect: "postgres", isMissing: postgresUrl === null, make: () => postgresSchema(postgresUrl ?? "") },
  ];
}

async function sqliteFile(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), "moorage-store-"));
  return testDatabase(
    () => sqlite(join(folder, "store.db")),
    () => rm(folder, { recursive: true, force: true }),
  );
}

async function postgresSchema(url: string): Promise<TestDatabase> {
  const schema = `moorage_store_${randomUUID().replaceAll("-", "")}`;
  const admin = postgres({ connectionString: url, max: 1 });
  await sql`create schema ${sql.id(schema)}`.execute(admin.kysely);
  return testDatabase(
    () => postgres({ connectionString: url, options: `-c search_path=${schema}`, max: 4 }),
    async () => {
      await sql`drop schema ${sql.id(schema)} cascade`.execute(admin.kysely);
      await admin.close?.();
    },
  );
}

function testDatabase(connect: () => DatabaseHandle, remove: () => Promise<void>): TestDatabase {
  const handles: DatabaseHandle[] = [];
  const open = () => {
    const handle = connect();
    handles.push(handle);
    return handle;
  };
  return {
    open,
    async openMigrated(options) {
      const database = openDatabase(open(), options);
      await migrate(database, coreMigrations);
      return database;
    },
    async close() {
      await Promise.all(handles.map((handle) => handle.close?.()));
      await remove();
    },
  };
}

/** Names of the tables in this database, of its own schema only. */
export async function tableNames({ dialect, connection }: Database): Promise<readonly string[]> {
  const tables =
    dialect === "sqlite"
      ? sql<{ name: string }>`select name from sqlite_master where type = 'table'`
      : sql<{ name: string }>`select tablename as name from pg_tables where schemaname = current_schema()`;
  return (await tables.execute(connection)).rows.map(({ name }) => name).sort();
}
