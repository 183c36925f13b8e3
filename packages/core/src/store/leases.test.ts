import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { Clock } from "../clock.ts";
import type { Database } from "./database.ts";
import { createLeaseStore } from "./leases.ts";
import { type TestDatabase, testDialects } from "./test-databases.ts";

for (const { dialect, isMissing, make } of testDialects(inject("postgresUrl"))) {
  describe.skipIf(isMissing)(`leases on ${dialect}`, () => {
    const time = { now: Date.UTC(2030, 0, 1) };
    const clock: Clock = { now: () => time.now, setTimer: () => () => {} };
    let files: TestDatabase;
    let database: Database;
    beforeAll(async () => {
      files = await make();
      database = await files.openMigrated({ clock });
    });
    afterAll(() => files.close());

    const owner = (name: string) => createLeaseStore(database, { owner: name });

    it("are held by one owner until their time is over", async () => {
      expect(await owner("a").acquire("sweep", 1_000)).toBe(1);
      expect(await owner("b").acquire("sweep", 1_000)).toBeNull();
      time.now += 999;
      expect(await owner("b").acquire("sweep", 1_000)).toBeNull();
      time.now += 1;
      expect(await owner("b").acquire("sweep", 1_000)).toBe(2);
      expect(await owner("a").acquire("sweep", 1_000)).toBeNull();
    });

    it("are extended by their owner, with the same fence", async () => {
      expect(await owner("a").acquire("extended", 1_000)).toBe(1);
      time.now += 900;
      expect(await owner("a").acquire("extended", 1_000)).toBe(1);
      time.now += 900;
      expect(await owner("b").acquire("extended", 1_000)).toBeNull();
    });

    it("are free at once when they are given back, and the fence still grows", async () => {
      expect(await owner("a").acquire("released", 60_000)).toBe(1);
      await owner("a").release("released");
      expect(await owner("b").acquire("released", 60_000)).toBe(2);
      await owner("b").release("released");
      expect(await owner("b").acquire("released", 60_000)).toBe(3);
    });

    it("are not taken from another owner by giving back what was lost", async () => {
      await owner("a").acquire("lost", 1_000);
      time.now += 2_000;
      expect(await owner("b").acquire("lost", 60_000)).toBe(2);
      await owner("a").release("lost");
      await owner("a").release("never-taken");
      expect(await owner("c").acquire("lost", 60_000)).toBeNull();
    });

    it("of different names do not touch each other", async () => {
      expect(await owner("a").acquire("one", 1_000)).toBe(1);
      expect(await owner("b").acquire("two", 1_000)).toBe(1);
    });

    it("refuse an empty name and a time that is not above 0", async () => {
      await expect(owner("a").acquire("", 1_000)).rejects.toMatchObject({ code: "INVALID_INPUT" });
      for (const ttlMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        await expect(owner("a").acquire("bad", ttlMs)).rejects.toMatchObject({ code: "INVALID_INPUT" });
      }
      expect(() => owner("")).toThrowError(expect.objectContaining({ code: "INVALID_INPUT" }));
    });

    it("go to one of many that ask at the same moment", async () => {
      const names = Array.from({ length: 12 }, (_, index) => `racer-${index}`);
      const fences = await Promise.all(names.map((name) => owner(name).acquire("race", 60_000)));
      expect(fences.filter((fence) => fence !== null)).toEqual([1]);
    });
  });
}
