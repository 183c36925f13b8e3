import { sql } from "kysely";
import { afterEach, describe, expect, inject, it } from "vitest";
import { postgres } from "./postgres.ts";
import type { DatabaseHandle } from "./store/database.ts";
import { openDatabase } from "./store/open-database.ts";

const url = inject("postgresUrl");

describe("postgres", () => {
  it("connects to nothing before it is used, and closes without having been used", async () => {
    const handle = postgres("postgres://nobody@127.0.0.1:1/nowhere");
    expect(handle.dialect).toBe("postgres");
    await expect(handle.close?.()).resolves.toBeUndefined();
  });

  it("fails a query, not the process, when no server answers", async () => {
    const handle = postgres("postgres://nobody@127.0.0.1:1/nowhere");
    await expect(sql`select 1`.execute(handle.kysely)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await handle.close?.();
  });

  it("refuses an empty URL and what is neither URL nor settings", () => {
    for (const source of ["", null, 5]) {
      expect(() => postgres(source as string)).toThrowError(
        expect.objectContaining({ code: "INVALID_INPUT" }),
      );
    }
  });
});

describe.skipIf(url === null)("postgres with a server", () => {
  const handles: DatabaseHandle[] = [];
  const open = (settings: object = {}) => {
    const handle = postgres({ connectionString: url ?? "", max: 2, ...settings });
    handles.push(handle);
    return handle;
  };
  afterEach(async () => {
    await Promise.all(handles.splice(0).map((handle) => handle.close?.()));
  });

  const read = async (handle: DatabaseHandle, expression: string) =>
    (await sql.raw<{ value: string }>(`select ${expression} as value`).execute(handle.kysely)).rows[0]?.value;
  const kill = (handle: DatabaseHandle, pid: unknown) =>
    sql`select pg_terminate_backend(${Number(pid)}::int)`.execute(handle.kysely);

  it("takes a URL", async () => {
    const handle = postgres(url ?? "");
    handles.push(handle);
    expect(await read(handle, "current_setting('application_name')")).toBe("moorage");
  });

  it("bounds every statement, unless the settings say otherwise", async () => {
    expect(await read(open(), "current_setting('statement_timeout')")).toBe("30s");
    expect(await read(open({ statement_timeout: 0 }), "current_setting('statement_timeout')")).toBe("0");
    const impatient = open({ statement_timeout: 50 });
    await expect(read(impatient, "pg_sleep(5)")).rejects.toMatchObject({ code: "57014" });
  });

  it("survives that an idle connection is lost, and connects again", async () => {
    const handle = open({ max: 1 });
    const pid = await read(handle, "pg_backend_pid()");
    await kill(open(), pid);
    await expect.poll(() => read(handle, "1").catch(() => "lost"), { timeout: 10_000 }).toBe(1);
    expect(await read(handle, "pg_backend_pid()")).not.toBe(pid);
  });

  it("survives that a connection is lost between two queries of a transaction", async () => {
    const handle = open({ max: 1 });
    const lost = openDatabase(handle).transaction(async (transaction) => {
      const pid = (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(transaction)).rows[0]
        ?.pid;
      await kill(open(), pid);
      await new Promise((resolve) => setTimeout(resolve, 200));
      await sql`select 1`.execute(transaction);
    });
    await expect(lost).rejects.toThrow();
    expect(await read(handle, "1")).toBe(1);
  });
});
