import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { uuidV7 } from "../ids.ts";
import type { Connection, Database } from "./database.ts";
import { type TestDatabase, testDialects } from "./test-databases.ts";
import { closeInterval, listUsage, type NewInterval, openInterval, sumUsage } from "./usage.ts";

const at = (seconds: number) => new Date(Date.UTC(2030, 0, 1) + seconds * 1_000).toISOString();
const ms = (seconds: number) => Date.parse(at(seconds));

function interval(instanceId: string, changes: Partial<NewInterval> = {}): NewInterval {
  return {
    id: uuidV7(),
    ownerId: instanceId,
    instanceId,
    provider: "local",
    generation: 1,
    priceNanoPerSecond: 800n,
    startedAt: at(0),
    ...changes,
  };
}

for (const { dialect, isMissing, make } of testDialects(inject("postgresUrl"))) {
  describe.skipIf(isMissing)(`usage on ${dialect}`, () => {
    let files: TestDatabase;
    let database: Database;
    let connection: Connection;
    beforeAll(async () => {
      files = await make();
      database = await files.openMigrated();
      ({ connection } = database);
    });
    afterAll(() => files.close());

    const list = async (instanceId: string, nowMs = ms(1_000)) =>
      (await listUsage(connection, { instanceId }, nowMs)).items;

    it("has at most one open interval for an instance, also when many open at once", async () => {
      const opened = await Promise.all(
        Array.from({ length: 8 }, () => openInterval(connection, interval("single"))),
      );
      expect(opened.filter(Boolean)).toHaveLength(1);
      expect(await list("single")).toHaveLength(1);
    });

    it("is guarded by the database, not only by this code", async () => {
      await openInterval(connection, interval("guarded"));
      const row = {
        id: uuidV7(),
        owner_id: "x",
        instance_id: "guarded",
        provider: "local",
        generation: 2,
        price_nano_per_second: "1",
        started_at: at(0),
        ended_at: null,
      };
      await expect(connection.insertInto("mcp_usage").values(row).execute()).rejects.toThrow(/unique/i);
      await expect(
        connection
          .insertInto("mcp_usage")
          .values({ ...row, ended_at: at(1) })
          .execute(),
      ).resolves.toBeDefined();
    });

    it("does not fail the transaction that opens what is open already", async () => {
      await openInterval(connection, interval("joined"));
      await database.transaction(async (transaction) => {
        expect(await openInterval(transaction, interval("joined", { generation: 2 }))).toBe(false);
        expect(await closeInterval(transaction, "joined", at(5))).toBe(true);
      });
      expect(await list("joined")).toMatchObject([{ generation: 1, endedAt: at(5) }]);
    });

    it("is closed once; closing again changes nothing", async () => {
      await openInterval(connection, interval("closed"));
      expect(await closeInterval(connection, "closed", at(10))).toBe(true);
      expect(await closeInterval(connection, "closed", at(99))).toBe(false);
      expect(await list("closed")).toMatchObject([{ endedAt: at(10), durationSeconds: 10 }]);
      expect(await openInterval(connection, interval("closed", { generation: 2 }))).toBe(true);
    });

    it("never ends before it began", async () => {
      await openInterval(connection, interval("backwards", { startedAt: at(50) }));
      await closeInterval(connection, "backwards", at(40));
      expect(await list("backwards")).toMatchObject([
        { endedAt: at(50), durationSeconds: 0, costNanoDollars: "0" },
      ]);
    });

    it("costs price times seconds, exactly, also beyond what a number can hold", async () => {
      const price = 9_007_199_254_740_993n;
      await openInterval(connection, interval("dear", { priceNanoPerSecond: price }));
      await closeInterval(connection, "dear", at(3.5));
      expect(await list("dear")).toMatchObject([{ costNanoDollars: String((price * 35n) / 10n) }]);
    });

    it("lasts until now while it is open", async () => {
      await openInterval(connection, interval("lasting"));
      expect(await list("lasting", ms(90))).toMatchObject([
        { endedAt: null, durationSeconds: 90, costNanoDollars: "72000" },
      ]);
    });

    it("adds up the part of each interval that lies in the period, per owner", async () => {
      await openInterval(connection, interval("sum-1", { ownerId: "payer" }));
      await closeInterval(connection, "sum-1", at(100));
      await openInterval(connection, interval("sum-2", { ownerId: "payer", startedAt: at(150) }));
      await openInterval(connection, interval("sum-3", { ownerId: "other" }));
      const period = { ownerId: "payer", sinceMs: ms(90), untilMs: ms(200) };
      expect(await sumUsage(connection, period)).toEqual({
        usageCount: 2,
        totalSeconds: 60,
        totalNanoDollars: 48_000n,
      });
      const none = { ownerId: "payer", sinceMs: ms(-200), untilMs: ms(-100) };
      expect(await sumUsage(connection, none)).toEqual({
        usageCount: 0,
        totalSeconds: 0,
        totalNanoDollars: 0n,
      });
      const everybody = await sumUsage(connection, { sinceMs: ms(90), untilMs: ms(200) });
      expect(everybody.usageCount).toBeGreaterThan(2);
    });

    it("adds up more rows than one read takes, to the sum of what is listed", async () => {
      const rows = Array.from({ length: 2_300 }, (_, index) => ({
        id: uuidV7(),
        owner_id: "heavy",
        instance_id: `heavy-${index}`,
        provider: "local",
        generation: 1,
        price_nano_per_second: "7",
        started_at: at(0),
        ended_at: at(0.333),
      }));
      for (let start = 0; start < rows.length; start += 500) {
        await connection
          .insertInto("mcp_usage")
          .values(rows.slice(start, start + 500))
          .execute();
      }
      const sum = await sumUsage(connection, { ownerId: "heavy", sinceMs: ms(-1), untilMs: ms(60) });
      const { items } = await listUsage(connection, { ownerId: "heavy", limit: 1 }, ms(60));
      expect(sum.usageCount).toBe(2_300);
      expect(sum.totalNanoDollars).toBe(2_300n * BigInt(items[0]?.costNanoDollars ?? "-1"));
    });
  });
}
