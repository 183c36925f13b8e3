import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  coreMigrations,
  createLeaseStore,
  type Database,
  type DatabaseHandle,
  migrateDatabase,
  openDatabase,
} from "@moorage/core";
import { postgres } from "@moorage/core/postgres";
import { sqlite } from "@moorage/core/sqlite";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresUrl } from "../support/postgres.ts";
import { runScript, type Script } from "../support/run-script.ts";

const WORKER = fileURLToPath(new URL("../support/store-worker.ts", import.meta.url));
const TIMEOUT_MS = 60_000;

/** Where a database is, as the worker's first two arguments. */
interface Place {
  readonly place: readonly [location: string, schema: string];
  open(): DatabaseHandle;
  remove(): Promise<void>;
}

async function sqlitePlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "moorage-processes-"));
  const file = join(folder, "moorage.db");
  return {
    place: [file, ""],
    open: () => sqlite(file),
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function postgresPlace(url: string): Promise<Place> {
  const schema = `moorage_processes_${randomUUID().replaceAll("-", "")}`;
  const admin = postgres({ connectionString: url, max: 1 });
  await sql`create schema ${sql.id(schema)}`.execute(admin.kysely);
  return {
    place: [url, schema],
    open: () => postgres({ connectionString: url, options: `-c search_path=${schema}`, max: 2 }),
    remove: async () => {
      await sql`drop schema ${sql.id(schema)} cascade`.execute(admin.kysely);
      await admin.close?.();
    },
  };
}

const url = postgresUrl();
const dialects = [
  { dialect: "sqlite", isMissing: false, make: sqlitePlace },
  { dialect: "postgres", isMissing: url === null, make: () => postgresPlace(url ?? "") },
];

/** Tells a worker to do a job; resolves with what came of it. */
async function run(worker: Script | undefined, job: string) {
  if (!worker) throw new TypeError("There is no such worker.");
  worker.child.stdin?.write(`${job}\n`);
  return JSON.parse((await worker.line(`${job}:`)).slice(job.length + 1));
}

async function kill(worker: Script | undefined): Promise<void> {
  worker?.child.kill("SIGKILL");
  await worker?.ended;
}

for (const { dialect, isMissing, make } of dialects) {
  // Processes start slowly, so that all tests share five; each goes on where the one before it has stopped.
  describe.skipIf(isMissing)(`processes that share a ${dialect} database`, { timeout: TIMEOUT_MS }, () => {
    let made: Place;
    let database: Database;
    let unlucky: Script | undefined;
    let workers: readonly Script[] = [];
    beforeAll(async () => {
      made = await make();
      database = openDatabase(made.open());
      const started = Array.from({ length: 5 }, (_, index) =>
        runScript(WORKER, [...made.place, `worker-${index}`]),
      );
      await Promise.all(started.map((worker) => worker.line("ready")));
      [unlucky, ...workers] = started;
    }, TIMEOUT_MS);
    afterAll(async () => {
      await Promise.all([unlucky, ...workers].map(kill));
      await database.close();
      await made.remove();
    });

    it("find nothing of a schema that was being made by one that was killed", async () => {
      unlucky?.child.stdin?.write("hang\n");
      await unlucky?.line("in the middle");
      await kill(unlucky);
      for (const table of ["mcp_half", "mcp_leases", "mcp_migrations"]) {
        const reading = sql`select 1 from ${sql.table(table)}`.execute(database.connection);
        await expect(reading).rejects.toThrow(/no such table|does not exist/);
      }
    });

    it("make the schema once between the four of them", async () => {
      const runs = await Promise.all(workers.map((worker) => run(worker, "migrate")));
      expect(runs.flat()).toEqual(Object.keys(coreMigrations));
      expect(await migrateDatabase(database, coreMigrations)).toEqual([]);
    });

    it("hold a lease one at a time, each time with a fence of its own", async () => {
      const counter = { id: "counter", machine_id: null, pid: 0, process_start: null };
      await database.connection
        .insertInto("mcp_hosts")
        .values({ ...counter, lease_until: "", started_at: "" })
        .execute();
      const fences: readonly number[][] = await Promise.all(workers.map((worker) => run(worker, "count")));
      expect(new Set(fences.flat()).size).toBe(100);
      for (const own of fences) expect(own).toEqual([...own].sort((left, right) => left - right));
      const { pid } = await database.connection
        .selectFrom("mcp_hosts")
        .select("pid")
        .executeTakeFirstOrThrow();
      expect(pid).toBe(100);
    });

    it("take over a lease when the one that held it was killed, and not before its time is over", async () => {
      expect(await run(workers[0], "hold")).toBe(1);
      const leases = createLeaseStore(database, { owner: "heir" });
      expect(await leases.acquire("held", 60_000)).toBeNull();
      await kill(workers[0]);
      await expect.poll(() => leases.acquire("held", 60_000), { timeout: 10_000 }).toBe(2);
    });
  });
}
