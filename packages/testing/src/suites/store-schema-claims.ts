import { coreMigrations, createLeaseStore, type Database, migrateDatabase } from "@moorage/core";
import { sql } from "kysely";
import { expect } from "vitest";
import { migrated, type StoreClaimCheck } from "./store-claim.ts";

const steps = Object.keys(coreMigrations);

async function ownTables({ dialect, connection }: Database): Promise<readonly string[]> {
  const tables =
    dialect === "sqlite"
      ? sql<{ name: string }>`select name from sqlite_master where type = 'table'`
      : sql<{ name: string }>`select tablename as name from pg_tables where schemaname = current_schema()`;
  const { rows } = await tables.execute(connection);
  return rows
    .map(({ name }) => name)
    .filter((name) => name.startsWith("mcp_"))
    .sort();
}

/** What must hold of the way the schema comes and goes. */
export const schemaClaims = {
  "runs each step of the schema once": async ({ empty }) => {
    expect(await migrateDatabase(empty, coreMigrations)).toEqual(steps);
    expect(await migrateDatabase(empty, coreMigrations)).toEqual([]);
  },

  "undoes the schema and makes it again": async (bench) => {
    const database = await migrated(bench);
    const before = await ownTables(database);
    const undone = { direction: "down", steps: steps.length } as const;
    expect(await migrateDatabase(database, coreMigrations, undone)).toEqual([...steps].reverse());
    expect(await ownTables(database)).toEqual(["mcp_migrations"]);
    expect(await migrateDatabase(database, coreMigrations)).toEqual(steps);
    expect(await ownTables(database)).toEqual(before);
  },

  "makes the schema once however many begin at the same moment": async ({ connections }) => {
    const runs = await Promise.all(
      connections(5).map((database) => migrateDatabase(database, coreMigrations)),
    );
    expect(runs.flat()).toEqual(steps);
  },

  "leaves nothing of a schema whose last step fails": async ({ empty }) => {
    const broken = {
      up: () => Promise.reject(new RangeError("a broken step")),
      down: async () => {},
    };
    await expect(migrateDatabase(empty, { ...coreMigrations, "core-9999-broken": broken })).rejects.toThrow(
      "a broken step",
    );
    expect((await ownTables(empty)).filter((name) => name !== "mcp_migrations")).toEqual([]);
  },

  "keeps the tables of two prefixes apart": async (bench) => {
    const plain = await migrated(bench);
    const prefixed = bench.prefixed("other_");
    expect(await migrateDatabase(prefixed, coreMigrations)).toEqual(steps);
    expect(await createLeaseStore(plain, { owner: "one" }).acquire("job", 60_000)).toBe(1);
    expect(await createLeaseStore(prefixed, { owner: "two" }).acquire("job", 60_000)).toBe(1);
    await migrateDatabase(prefixed, coreMigrations, { direction: "down", steps: steps.length });
    expect(await createLeaseStore(plain, { owner: "two" }).acquire("job", 60_000)).toBeNull();
  },
} satisfies Record<string, StoreClaimCheck>;
