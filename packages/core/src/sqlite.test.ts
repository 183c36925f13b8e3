import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kysely, sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sqlite } from "./sqlite.ts";
import type { DatabaseHandle } from "./store/database.ts";
import { openDatabase } from "./store/open-database.ts";
import { sqliteDialect } from "./store/sqlite-dialect.ts";
import { openSqliteEngine } from "./store/sqlite-engines.ts";

const LIBSQL = createRequire(import.meta.url).resolve("libsql");

/** Another process that holds the write lock for `holdMs`; resolves once it has it, with a promise of its end. */
function foreignWriter(file: string, holdMs: number): Promise<{ readonly ended: Promise<unknown> }> {
  const program = `
    const Database = require(${JSON.stringify(LIBSQL)});
    const database = new Database(${JSON.stringify(file)});
    database.exec("begin immediate");
    process.stdout.write("locked");
    setTimeout(() => { database.exec("commit"); database.close(); }, ${holdMs});`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  return new Promise((resolve) => child.stdout.once("data", () => resolve({ ended })));
}

/** The longest time for which timers could not run while `work` was under way, in milliseconds. */
async function longestStall(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 5);
  await work();
  clearInterval(timer);
  return longest;
}

describe("sqlite", () => {
  let folder: string;
  let file: string;
  const handles: DatabaseHandle[] = [];
  const open = (path = file) => {
    const handle = sqlite(path);
    handles.push(handle);
    return handle;
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "moorage-sqlite-"));
    file = join(folder, "moorage.db");
  });
  afterEach(async () => {
    await Promise.all(handles.splice(0).map((handle) => handle.close?.()));
    rmSync(folder, { recursive: true, force: true });
  });

  const createTable = (handle: DatabaseHandle) =>
    sql`create table numbers (value integer)`.execute(handle.kysely);
  const insert = (handle: DatabaseHandle, value: number) =>
    sql`insert into numbers values (${value})`.execute(handle.kysely);
  const values = async (handle: DatabaseHandle) =>
    (await sql<{ value: number }>`select value from numbers order by value`.execute(handle.kysely)).rows.map(
      ({ value }) => value,
    );

  it("opens nothing before it is used, and closes without having been used", async () => {
    const handle = open();
    await handle.close?.();
    expect(existsSync(file)).toBe(false);
  });

  it("makes files that only their owner can read", async () => {
    await createTable(open());
    for (const name of [file, `${file}-wal`, `${file}-shm`]) expect(statSync(name).mode & 0o777).toBe(0o600);
  });

  it("leaves the mode of a file that exists as it is", async () => {
    await createTable(open());
    chmodSync(file, 0o640);
    await values(open());
    expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  it("writes ahead, holds foreign keys, and never waits long inside the driver", async () => {
    const { kysely } = open();
    const pragma = async (name: string) =>
      Object.values((await sql.raw<object>(`pragma ${name}`).execute(kysely)).rows[0] ?? {})[0];
    expect(await pragma("journal_mode")).toBe("wal");
    expect(await pragma("synchronous")).toBe(1);
    expect(await pragma("foreign_keys")).toBe(1);
    expect(await pragma("busy_timeout")).toBeLessThanOrEqual(50);
  });

  it("keeps a database in memory to itself", async () => {
    const handle = open(":memory:");
    await createTable(handle);
    await insert(handle, 1);
    expect(await values(handle)).toEqual([1]);
    await expect(values(open(":memory:"))).rejects.toThrow(/no such table/);
  });

  it("refuses an empty path, and names the folder that is missing", async () => {
    expect(() => sqlite("")).toThrowError(expect.objectContaining({ code: "INVALID_INPUT" }));
    await expect(values(open(join(folder, "absent", "x.db")))).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringContaining("its folder does not exist"),
    });
  });

  it("says how to install the library when there is none", async () => {
    const none = { nodeSqlite: () => undefined, libsql: () => Promise.reject(new Error("not found")) };
    await expect(openSqliteEngine(file, undefined, none)).rejects.toMatchObject({
      code: "NOT_CONFIGURED",
      message: expect.stringContaining("npm install libsql"),
    });
    await expect(openSqliteEngine(file, "node:sqlite", none)).rejects.toMatchObject({
      code: "NOT_CONFIGURED",
    });
  });

  it("reports rows written, ids and rows returned", async () => {
    const handle = open();
    await createTable(handle);
    const inserted = await sql`insert into numbers values (1), (2)`.execute(handle.kysely);
    expect(inserted).toMatchObject({ numAffectedRows: 2n, insertId: 2n });
    const updated =
      await sql`update numbers set value = value + 1 where value > ${1} returning value`.execute(
        handle.kysely,
      );
    expect(updated.rows).toEqual([{ value: 3 }]);
    expect((await sql`delete from numbers where ${true}`.execute(handle.kysely)).numAffectedRows).toBe(2n);
  });

  it("waits for another process's lock of 3 s without holding up the event loop, and lets reads pass", async () => {
    const handle = open();
    await createTable(handle);
    await insert(handle, 1);
    const { ended } = await foreignWriter(file, 3_000);
    let readAfterMs = Number.POSITIVE_INFINITY;
    const stall = await longestStall(async () => {
      const startedAt = performance.now();
      const write = insert(handle, 2);
      const transaction = openDatabase(handle).transaction((connection) =>
        sql`insert into numbers values (3)`.execute(connection),
      );
      expect(await values(handle)).toEqual([1]);
      readAfterMs = performance.now() - startedAt;
      await Promise.all([write, transaction]);
      const waitedMs = performance.now() - startedAt;
      expect(waitedMs).toBeGreaterThan(2_000);
      expect(waitedMs).toBeLessThan(6_000);
    });
    await ended;
    expect(await values(handle)).toEqual([1, 2, 3]);
    expect(stall).toBeLessThan(500);
    expect(readAfterMs).toBeLessThan(1_500);
  });

  it("gives up with DATABASE_BUSY, and nothing written, when the lock does not come free in time", async () => {
    await createTable(open());
    const { ended } = await foreignWriter(file, 1_500);
    const policy = { totalMs: 200, baseMs: 5, ceilingMs: 20 };
    const kysely = new Kysely<unknown>({ dialect: sqliteDialect(() => openSqliteEngine(file), policy) });
    const impatient: DatabaseHandle = { dialect: "sqlite", kysely, close: () => kysely.destroy() };
    handles.push(impatient);
    await expect(insert(impatient, 1)).rejects.toMatchObject({ code: "DATABASE_BUSY" });
    await expect(openDatabase(impatient).transaction(() => insert(impatient, 2))).rejects.toMatchObject({
      code: "DATABASE_BUSY",
    });
    await ended;
    expect(await values(impatient)).toEqual([]);
    await insert(impatient, 3);
    expect(await values(impatient)).toEqual([3]);
  });

  it("ends a transaction that waits for itself with DATABASE_BUSY, and works on afterwards", async () => {
    const policy = { totalMs: 100, baseMs: 5, ceilingMs: 20 };
    const kysely = new Kysely<unknown>({
      dialect: sqliteDialect(() => openSqliteEngine(":memory:"), policy),
    });
    const handle: DatabaseHandle = { dialect: "sqlite", kysely, close: () => kysely.destroy() };
    handles.push(handle);
    await createTable(handle);
    const entangled = openDatabase(handle).transaction(() => insert(handle, 1));
    await expect(entangled).rejects.toMatchObject({ code: "DATABASE_BUSY" });
    await insert(handle, 2);
    expect(await values(handle)).toEqual([2]);
  });

  it("rolls back to a savepoint", async () => {
    const handle = open();
    await createTable(handle);
    const transaction = await handle.kysely.startTransaction().execute();
    await sql`insert into numbers values (1)`.execute(transaction);
    const saved = await transaction.savepoint("before").execute();
    await sql`insert into numbers values (2)`.execute(saved);
    await saved.rollbackToSavepoint("before").execute();
    await saved.releaseSavepoint("before").execute();
    await transaction.commit().execute();
    expect(await values(handle)).toEqual([1]);
  });

  it("reads a stream of rows", async () => {
    const handle = open();
    await createTable(handle);
    await insert(handle, 7);
    const rows: unknown[] = [];
    const table = handle.kysely as Kysely<{ numbers: { value: number } }>;
    for await (const row of table.selectFrom("numbers").selectAll().stream()) rows.push(row);
    expect(rows).toEqual([{ value: 7 }]);
  });
});
