import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { CamelCasePlugin, Kysely, MysqlAdapter, type SqliteDatabase, SqliteDialect, sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import type { Database } from "./database.ts";
import { dialectOf } from "./dialect-of.ts";
import { createLeaseStore } from "./leases.ts";
import { migrate } from "./migrate.ts";
import { coreMigrations } from "./migrations.ts";
import { openDatabase } from "./open-database.ts";
import { type TestDatabase, tableNames, testDialects } from "./test-databases.ts";

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

for (const { dialect, isMissing, make } of testDialects(inject("postgresUrl"))) {
  describe.skipIf(isMissing)(`a database on ${dialect}`, () => {
    let files: TestDatabase;
    let database: Database;
    beforeAll(async () => {
      files = await make();
      database = await files.openMigrated();
    });
    afterAll(() => files.close());

    const timeOf = async (opened: Database, offsetMs?: number) =>
      (await sql<{ time: string }>`select ${opened.now(offsetMs)} as time`.execute(opened.connection)).rows[0]
        ?.time ?? "";
    const fenceOf = async (name: string) =>
      (
        await database.connection
          .selectFrom("mcp_leases")
          .select("fence")
          .where("name", "=", name)
          .executeTakeFirst()
      )?.fence;
    const addLease = (name: string) =>
      database.connection
        .insertInto("mcp_leases")
        .values({ name, owner: "x", fence: 0, expires_at: "" })
        .execute();

    it("knows its dialect", () => {
      expect(database.dialect).toBe(dialect);
      expect(dialectOf(database.connection)).toBe(dialect);
    });

    it("tells the time as JavaScript writes it, with an offset", async () => {
      const now = await timeOf(database);
      expect(now).toMatch(ISO);
      expect(Math.abs(Date.parse(now) - Date.now())).toBeLessThan(60_000);
      const [past, future] = [await timeOf(database, -3_600_000), await timeOf(database, 90_000.4)];
      expect(past).toMatch(ISO);
      expect(Date.parse(future) - Date.parse(past)).toBeGreaterThanOrEqual(3_690_000);
      expect(Date.parse(future) - Date.parse(past)).toBeLessThan(3_720_000);
    });

    it("tells the time of a clock it is given", async () => {
      const clock = { now: () => Date.UTC(2001, 1, 3, 4, 5, 6, 7), setTimer: () => () => {} };
      expect(await timeOf(openDatabase(files.open(), { clock }), 1)).toBe("2001-02-03T04:05:06.008Z");
    });

    it("keeps what a transaction wrote, or nothing if it failed, and passes its error on", async () => {
      const insert = (name: string) =>
        database.transaction(async (transaction) => {
          await transaction
            .insertInto("mcp_leases")
            .values({ name, owner: "x", fence: 1, expires_at: "" })
            .execute();
          if (name === "lost") throw new RangeError("no");
          return "kept";
        });
      expect(await insert("kept")).toBe("kept");
      await expect(insert("lost")).rejects.toThrow(new RangeError("no"));
      expect([await fenceOf("kept"), await fenceOf("lost")]).toEqual([1, undefined]);
    });

    it("loses no update when many count the same row under a guard", async () => {
      await addLease("counted");
      const others = [database, openDatabase(files.open())];
      const count = async (opened: Database) => {
        for (;;) {
          const { fence } = await opened.connection
            .selectFrom("mcp_leases")
            .select("fence")
            .where("name", "=", "counted")
            .executeTakeFirstOrThrow();
          const written = await opened.connection
            .updateTable("mcp_leases")
            .set({ fence: fence + 1 })
            .where("name", "=", "counted")
            .where("fence", "=", fence)
            .executeTakeFirst();
          if (written.numUpdatedRows === 1n) return;
        }
      };
      await Promise.all(Array.from({ length: 20 }, (_, index) => count(others[index % 2] ?? database)));
      expect(await fenceOf("counted")).toBe(20);
    });

    it("makes transactions of several connections that write the same rows wait for each other", async () => {
      await addLease("first");
      await addLease("second");
      const others = [database, openDatabase(files.open())];
      const bump = (opened: Database, names: readonly string[]) =>
        opened.transaction(async (transaction) => {
          for (const name of names) {
            await transaction
              .updateTable("mcp_leases")
              .set({ fence: sql`fence + 1` })
              .where("name", "=", name)
              .execute();
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        });
      // In opposite orders: on Postgres they deadlock, and the one that is ended must be run again.
      await Promise.all([
        bump(others[0] ?? database, ["first", "second"]),
        bump(others[1] ?? database, ["second", "first"]),
      ]);
      expect([await fenceOf("first"), await fenceOf("second")]).toEqual([2, 2]);
    });

    it("uses the tables of its prefix, beside those of another", async () => {
      const prefixed = openDatabase(files.open(), { tablePrefix: "tenant_" });
      await migrate(prefixed, coreMigrations);
      expect(await createLeaseStore(prefixed, { owner: "a" }).acquire("job", 60_000)).toBe(1);
      expect(await createLeaseStore(database, { owner: "b" }).acquire("job", 60_000)).toBe(1);
      expect(await tableNames(prefixed)).toEqual(
        expect.arrayContaining(["tenant_leases", "tenant_migrations", "mcp_leases"]),
      );
      await migrate(prefixed, coreMigrations, { direction: "down" });
      expect(await createLeaseStore(database, { owner: "c" }).acquire("job", 60_000)).toBeNull();
    });

    it("takes the host's own Kysely, without its plugins, and does not close it", async () => {
      const host = files.open().kysely.withPlugin(new CamelCasePlugin());
      const opened = openDatabase(host);
      expect(opened.dialect).toBe(dialect);
      await opened.transaction((transaction) =>
        transaction
          .insertInto("mcp_leases")
          .values({ name: "host", owner: "h", fence: 7, expires_at: "z" })
          .execute(),
      );
      expect(
        await opened.connection
          .selectFrom("mcp_leases")
          .selectAll()
          .where("name", "=", "host")
          .executeTakeFirst(),
      ).toEqual({ name: "host", owner: "h", fence: 7, expires_at: "z" });
      await opened.close();
      expect((await sql`select 1 as one`.execute(host)).rows).toEqual([{ one: 1 }]);
    });

    if (dialect === "postgres") {
      it("keeps the schema a host has chosen with withSchema", async () => {
        const host = files.open().kysely;
        const schema = `moorage_own_${randomUUID().replaceAll("-", "")}`;
        await sql`create schema ${sql.id(schema)}`.execute(host);
        const opened = openDatabase(host.withSchema(schema));
        try {
          await migrate(opened, coreMigrations);
          expect(await createLeaseStore(opened, { owner: "a" }).acquire("job", 60_000)).toBe(1);
          const tables = await sql<{ schemaname: string }>`
            select distinct schemaname from pg_tables where tablename = 'mcp_leases' and schemaname = ${schema}`.execute(
            host,
          );
          expect(tables.rows).toHaveLength(1);
        } finally {
          await sql`drop schema ${sql.id(schema)} cascade`.execute(host);
        }
      });

      it("runs a transaction again that could not be serialized, a bounded number of times", async () => {
        let runs = 0;
        const colliding = (times: number) =>
          database.transaction(async () => {
            runs += 1;
            if (runs <= times) throw Object.assign(new Error("could not serialize"), { code: "40001" });
            return runs;
          });
        expect(await colliding(2)).toBe(3);
        runs = 0;
        await expect(colliding(Number.POSITIVE_INFINITY)).rejects.toMatchObject({ code: "DATABASE_BUSY" });
        expect(runs).toBeLessThan(20);
      });
    }
  });
}

describe("a host's own SQLite Kysely", () => {
  const Database = createRequire(import.meta.url)("libsql") as new (path: string) => SqliteDatabase;
  let host: Kysely<unknown>;
  beforeEach(() => {
    host = new Kysely<unknown>({ dialect: new SqliteDialect({ database: new Database(":memory:") }) });
  });
  afterEach(() => host.destroy());

  it("begins its transactions with the write lock and rolls them back when they fail", async () => {
    const statements: string[] = [];
    const watched = new Kysely<unknown>({
      dialect: new SqliteDialect({ database: new Database(":memory:") }),
      log: ({ query }) => void statements.push(query.sql),
    });
    const opened = openDatabase(watched);
    await opened.transaction((transaction) => sql`create table numbers (value integer)`.execute(transaction));
    const failing = opened.transaction(async (transaction) => {
      await sql`insert into numbers values (1)`.execute(transaction);
      throw new RangeError("no");
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect(statements).toEqual([
      "begin immediate",
      "create table numbers (value integer)",
      "commit",
      "begin immediate",
      "insert into numbers values (1)",
      "rollback",
    ]);
    expect((await sql`select * from numbers`.execute(watched)).rows).toEqual([]);
    await watched.destroy();
  });

  it("carries the platform's tables", async () => {
    const opened = openDatabase(host);
    expect(await migrate(opened, coreMigrations)).toEqual(Object.keys(coreMigrations));
    expect(await createLeaseStore(opened, { owner: "a" }).acquire("job", 1_000)).toBe(1);
  });
});

describe("what is no database", () => {
  it("is refused, naming what was expected", () => {
    for (const source of [null, undefined, "moorage.db", {}, { dialect: "mysql", kysely: {} }]) {
      expect(() => openDatabase(source as never)).toThrowError(
        expect.objectContaining({ code: "INVALID_INPUT", message: expect.stringContaining("sqlite()") }),
      );
    }
  });

  it("is a Kysely of another dialect, which is named", () => {
    const dialect = new SqliteDialect({ database: async () => Promise.reject(new Error("never opened")) });
    const mysql = new Kysely<unknown>({
      dialect: {
        createAdapter: () => new MysqlAdapter(),
        createDriver: () => dialect.createDriver(),
        createIntrospector: (kysely) => dialect.createIntrospector(kysely),
        createQueryCompiler: () => dialect.createQueryCompiler(),
      },
    });
    expect(() => openDatabase(mysql)).toThrowError(
      expect.objectContaining({ code: "INVALID_INPUT", message: expect.stringContaining("MysqlAdapter") }),
    );
  });
});
