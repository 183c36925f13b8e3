import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { type DatabaseHandle, isPlatformError } from "@moorage/core";
import { postgres } from "@moorage/core/postgres";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { testDatabase } from "./test-database.ts";

const POSTGRES = process.env.MOORAGE_TEST_POSTGRES_URL ?? "postgres://postgres@127.0.0.1:5432/test";

async function answers(url: string): Promise<boolean> {
  const { kysely } = postgres({ connectionString: url, max: 1, connectionTimeoutMillis: 2000 });
  return sql`select 1`
    .execute(kysely)
    .then(
      () => true,
      () => false,
    )
    .finally(() => kysely.destroy());
}

async function rowsOf({ kysely }: DatabaseHandle): Promise<unknown[]> {
  return (await sql`select name from boats`.execute(kysely)).rows;
}

const hasPostgres = await answers(POSTGRES);
const kinds = [
  { kind: "sqlite", where: "sqlite", available: true },
  { kind: "postgres", where: POSTGRES, available: hasPostgres },
];

describe.each(kinds)("testDatabase on $kind", ({ kind, where, available }) => {
  it.runIf(available)("is empty, and its connections see the same rows", async () => {
    const database = await testDatabase(where);
    expect(database.handle.dialect).toBe(kind);
    const other = database.open();
    await sql`create table boats (name text)`.execute(database.handle.kysely);
    await sql`insert into boats values ('Argo')`.execute(database.handle.kysely);
    expect(await rowsOf(other)).toEqual([{ name: "Argo" }]);
    await database.close();
  });

  it.runIf(available)("is nobody else's", async () => {
    const [one, other] = await Promise.all([testDatabase(where), testDatabase(where)]);
    await sql`create table boats (name text)`.execute(one.handle.kysely);
    await expect(rowsOf(other.handle)).rejects.toThrow(/boats/);
    await Promise.all([one.close(), other.close()]);
  });
});

describe("testDatabase", () => {
  it("removes the file of SQLite when it is closed", async () => {
    const database = await testDatabase();
    const { rows } = await sql<{ file: string }>`pragma database_list`.execute(database.handle.kysely);
    const file = rows[0]?.file ?? "";
    expect(existsSync(file)).toBe(true);
    await database.close();
    expect(existsSync(dirname(file))).toBe(false);
  });

  it.runIf(hasPostgres)("removes the schema of Postgres when it is closed", async () => {
    const database = await testDatabase(POSTGRES);
    const { rows } = await sql<{ name: string }>`select current_schema() as name`.execute(
      database.handle.kysely,
    );
    await database.close();
    const { kysely } = postgres({ connectionString: POSTGRES, max: 1 });
    const left = await sql`select 1 from pg_namespace where nspname = ${rows[0]?.name}`.execute(kysely);
    await kysely.destroy();
    expect(rows[0]?.name).toMatch(/^moorage_test_/);
    expect(left.rows).toEqual([]);
  });

  it("refuses what is no database", async () => {
    await expect(testDatabase("mysql://localhost")).rejects.toSatisfy((error) =>
      isPlatformError(error, "INVALID_INPUT"),
    );
  });
});
