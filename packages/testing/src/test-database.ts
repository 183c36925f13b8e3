import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DatabaseHandle, invalidInput } from "@moorage/core";
import { postgres } from "@moorage/core/postgres";
import { sqlite } from "@moorage/core/sqlite";
import { sql } from "kysely";

/** An empty database for one test. */
export interface TestDatabase {
  readonly handle: DatabaseHandle;
  /** Another connection to the same database, as another replica would have it; closed with the rest. */
  open(): DatabaseHandle;
  /** Closes every connection and removes the database with all that is in it. */
  close(): Promise<void>;
}

/**
 * Makes an empty database: a SQLite file in a temporary folder, or, for a Postgres URL, a schema of its own in
 * that database. Throws `INVALID_INPUT` for anything else.
 */
export async function testDatabase(where = "sqlite"): Promise<TestDatabase> {
  if (where === "sqlite") return sqliteDatabase();
  if (/^postgres(ql)?:\/\//.test(where)) return postgresDatabase(where);
  const message = `"${where}" is neither "sqlite" nor a URL such as postgres://user@host/database`;
  throw invalidInput("test database", [{ path: "", message }]);
}

async function sqliteDatabase(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), "moorage-test-"));
  return opened(
    () => sqlite(join(folder, "moorage.db")),
    () => rm(folder, { recursive: true, force: true }),
  );
}

async function postgresDatabase(url: string): Promise<TestDatabase> {
  const schema = `moorage_test_${randomUUID().replaceAll("-", "")}`;
  await execute(url, `create schema ${schema}`);
  return opened(
    () => postgres({ connectionString: url, options: `-c search_path=${schema}`, max: 5 }),
    () => execute(url, `drop schema if exists ${schema} cascade`),
  );
}

async function execute(url: string, statement: string): Promise<void> {
  const { kysely } = postgres({ connectionString: url, max: 1 });
  try {
    await sql.raw(statement).execute(kysely);
  } finally {
    await kysely.destroy();
  }
}

function opened(connect: () => DatabaseHandle, remove: () => Promise<void>): TestDatabase {
  const handles: DatabaseHandle[] = [];
  const open = () => {
    const handle = connect();
    handles.push(handle);
    return handle;
  };
  return {
    handle: open(),
    open,
    async close() {
      await Promise.all(handles.splice(0).map((handle) => handle.close?.()));
      await remove();
    },
  };
}
