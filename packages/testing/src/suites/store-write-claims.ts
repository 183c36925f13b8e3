import { createLeaseStore, type Database } from "@moorage/core";
import { expect } from "vitest";
import { migrated, type StoreBench, type StoreClaimCheck } from "./store-claim.ts";

const leaseRow = (name: string) => ({ name, owner: "suite", fence: 0, expires_at: "" });

async function leaseNames(database: Database): Promise<readonly string[]> {
  const rows = await database.connection.selectFrom("mcp_leases").select("name").orderBy("name").execute();
  return rows.map(({ name }) => name);
}

async function countUp(database: Database): Promise<void> {
  for (;;) {
    const row = await database.connection.selectFrom("mcp_leases").select("fence").executeTakeFirstOrThrow();
    const written = await database.connection
      .updateTable("mcp_leases")
      .set({ fence: row.fence + 1 })
      .where("fence", "=", row.fence)
      .executeTakeFirst();
    if (written.numUpdatedRows === 1n) return;
  }
}

async function owners(bench: StoreBench, count: number) {
  await migrated(bench);
  return bench
    .connections(count)
    .map((database, index) => createLeaseStore(database, { owner: `owner-${index}` }));
}

/** What must hold of writes, of transactions and of leases. */
export const writeClaims = {
  "keeps what a transaction wrote, and gives back what it returned": async (bench) => {
    const database = await migrated(bench);
    const answer = await database.transaction(async (transaction) => {
      await transaction.insertInto("mcp_leases").values(leaseRow("kept")).execute();
      return "answer";
    });
    expect(answer).toBe("answer");
    expect(await leaseNames(database)).toEqual(["kept"]);
  },

  "keeps nothing of a transaction that fails, and passes its error on": async (bench) => {
    const database = await migrated(bench);
    const failure = new RangeError("on purpose");
    const failing = database.transaction(async (transaction) => {
      await transaction.insertInto("mcp_leases").values(leaseRow("lost")).execute();
      throw failure;
    });
    await expect(failing).rejects.toBe(failure);
    expect(await leaseNames(database)).toEqual([]);
  },

  "loses no update that names what it saw": async (bench) => {
    const database = await migrated(bench);
    await database.connection.insertInto("mcp_leases").values(leaseRow("counted")).execute();
    const connections = bench.connections(3);
    await Promise.all(connections.flatMap((connection) => [countUp(connection), countUp(connection)]));
    const { fence } = await database.connection
      .selectFrom("mcp_leases")
      .select("fence")
      .executeTakeFirstOrThrow();
    expect(fence).toBe(6);
  },

  "gives a lease to one owner at a time, with a fence that grows with every owner": async (bench) => {
    const [first, second] = await owners(bench, 2);
    expect(await first?.acquire("job", 60_000)).toBe(1);
    expect(await second?.acquire("job", 60_000)).toBeNull();
    expect(await first?.acquire("job", 60_000)).toBe(1);
    await first?.release("job");
    expect(await second?.acquire("job", 60_000)).toBe(2);
    await first?.release("job");
    expect(await first?.acquire("job", 60_000)).toBeNull();
  },

  "gives a lease up when its time is over": async (bench) => {
    const [first, second] = await owners(bench, 2);
    expect(await first?.acquire("short", 1)).toBe(1);
    await expect.poll(() => second?.acquire("short", 60_000), { timeout: 10_000 }).toBe(2);
  },

  "gives a lease to one of many that ask at the same moment": async (bench) => {
    const all = await owners(bench, 6);
    const fences = await Promise.all(all.map((owner) => owner.acquire("race", 60_000)));
    expect(fences.filter((fence) => fence !== null)).toEqual([1]);
  },
} satisfies Record<string, StoreClaimCheck>;
