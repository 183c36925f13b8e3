import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import type { Database, Migration, Migrations } from "./database.ts";
import { migrate } from "./migrate.ts";
import { openDatabase } from "./open-database.ts";
import { type TestDatabase, tableNames, testDialects } from "./test-databases.ts";

function makesTable(name: string): Migration {
  return {
    async up(connection) {
      await connection.schema.createTable(name).addColumn("id", "text").execute();
    },
    async down(connection) {
      await connection.schema.dropTable(name).execute();
    },
  };
}

const steps: Migrations = {
  "core-0001-a": makesTable("mcp_a"),
  "vault-0001-b": makesTable("mcp_b"),
  "core-0002-c": makesTable("mcp_c"),
};
const names = Object.keys(steps);

for (const { dialect, isMissing, make } of testDialects(inject("postgresUrl"))) {
  describe.skipIf(isMissing)(`migrations on ${dialect}`, () => {
    let files: TestDatabase;
    let database: Database;
    beforeEach(async () => {
      files = await make();
      database = openDatabase(files.open());
    });
    afterEach(() => files.close());

    const tables = async () => (await tableNames(database)).filter((name) => /^mcp_[a-z]$/.test(name));

    it("run once, in the order of the record", async () => {
      expect(await migrate(database, steps)).toEqual(names);
      expect(await tables()).toEqual(["mcp_a", "mcp_b", "mcp_c"]);
      expect(await migrate(database, steps)).toEqual([]);
    });

    it("run what was added since, wherever in the record it stands", async () => {
      const { "vault-0001-b": added, ...before } = steps;
      await migrate(database, before);
      expect(added).toBeDefined();
      expect(await migrate(database, steps)).toEqual(["vault-0001-b"]);
      expect(await migrate(database, steps, { direction: "down" })).toEqual(["vault-0001-b"]);
    });

    it("run at most the steps that were asked for", async () => {
      expect(await migrate(database, steps, { steps: 2 })).toEqual(names.slice(0, 2));
      expect(await migrate(database, steps, { steps: 2 })).toEqual(names.slice(2));
    });

    it("are undone from the newest, one unless more are asked for, and can be run again", async () => {
      await migrate(database, steps);
      expect(await migrate(database, steps, { direction: "down" })).toEqual(["core-0002-c"]);
      expect(await tables()).toEqual(["mcp_a", "mcp_b"]);
      expect(await migrate(database, steps, { direction: "down", steps: 9 })).toEqual([
        "vault-0001-b",
        "core-0001-a",
      ]);
      expect(await tables()).toEqual([]);
      expect(await migrate(database, steps, { direction: "down" })).toEqual([]);
      expect(await migrate(database, steps)).toEqual(names);
    });

    it("leave nothing behind when one of them fails", async () => {
      const failing: Migration = {
        ...makesTable("mcp_d"),
        up: () => Promise.reject(new RangeError("broken step")),
      };
      await expect(migrate(database, { ...steps, "core-0003-d": failing })).rejects.toThrow("broken step");
      expect(await tables()).toEqual([]);
      expect(await migrate(database, steps)).toEqual(names);
    });

    it("leave steps of a newer version alone upwards, and refuse to undo them", async () => {
      await migrate(database, { ...steps, "core-0003-new": makesTable("mcp_d") });
      expect(await migrate(database, steps)).toEqual([]);
      await expect(migrate(database, steps, { direction: "down" })).rejects.toMatchObject({
        code: "CONFLICT",
        message: expect.stringContaining("core-0003-new"),
      });
      await expect(migrate(database, steps, { direction: "down", steps: 4 })).rejects.toMatchObject({
        code: "CONFLICT",
      });
      expect(await tables()).toEqual(["mcp_a", "mcp_b", "mcp_c", "mcp_d"]);
    });

    it("run once between them when many connections begin at the same moment", async () => {
      const racers = Array.from({ length: 6 }, () => openDatabase(files.open()));
      const runs = await Promise.all(racers.map((racer) => migrate(racer, steps)));
      expect(runs.flat()).toEqual(names);
    });

    it("refuse a direction or a number of steps that makes no sense, before anything is written", async () => {
      for (const bad of [{ direction: "sideways" }, { steps: 0 }, { steps: 1.5 }, { steps: -1 }]) {
        await expect(migrate(database, steps, bad as object)).rejects.toMatchObject({
          code: "INVALID_INPUT",
        });
      }
      expect(await tableNames(database)).not.toContain("mcp_migrations");
    });

    if (dialect === "postgres") {
      it("see each other's work where transactions are serializable by default", async () => {
        const strict = Array.from({ length: 4 }, () => openDatabase(files.open()));
        for (const { connection } of strict) {
          await sql`set session characteristics as transaction isolation level serializable`.execute(
            connection,
          );
        }
        const runs = await Promise.all(strict.map((racer) => migrate(racer, steps)));
        expect(runs.flat()).toEqual(names);
      });
    }
  });
}
