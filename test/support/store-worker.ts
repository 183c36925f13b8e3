import { createInterface } from "node:readline";
import {
  coreMigrations,
  createLeaseStore,
  type Database,
  type Migrations,
  migrateDatabase,
  openDatabase,
} from "@moorage/core";
import { postgres } from "@moorage/core/postgres";
import { sqlite } from "@moorage/core/sqlite";

/** A process that shares a database with others: does the jobs it is told on its input, and prints what came of them. */

const [location = "", schema = "", name = ""] = process.argv.slice(2);

const handle =
  schema === ""
    ? sqlite(location)
    : postgres({ connectionString: location, options: `-c search_path=${schema}`, max: 2 });

const hanging: Migrations = {
  ...coreMigrations,
  "core-0002-hanging": {
    async up(connection) {
      await connection.schema.createTable("mcp_half").addColumn("id", "text").execute();
      console.log("in the middle");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    },
    async down() {},
  },
};

/** Counts a number up without any guard of its own, 25 times, each time under the lease. */
async function countUnderLease(database: Database): Promise<readonly number[]> {
  const leases = createLeaseStore(database, { owner: name });
  const fences: number[] = [];
  while (fences.length < 25) {
    const fence = await leases.acquire("counting", 10_000);
    if (fence === null) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      continue;
    }
    fences.push(fence);
    const { connection } = database;
    const { pid } = await connection
      .selectFrom("mcp_hosts")
      .select("pid")
      .where("id", "=", "counter")
      .executeTakeFirstOrThrow();
    await connection
      .updateTable("mcp_hosts")
      .set({ pid: pid + 1 })
      .where("id", "=", "counter")
      .execute();
    await leases.release("counting");
  }
  return fences;
}

const jobs: Readonly<Record<string, (database: Database) => Promise<unknown>>> = {
  migrate: (database) => migrateDatabase(database, coreMigrations),
  hang: (database) => migrateDatabase(database, hanging),
  count: countUnderLease,
  hold: (database) => createLeaseStore(database, { owner: name }).acquire("held", 3_000),
};

console.log("ready");
const database = openDatabase(handle);
for await (const job of createInterface({ input: process.stdin })) {
  console.log(`${job}: ${JSON.stringify(await jobs[job]?.(database))}`);
}
await database.close();
