import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { uuidV7 } from "../ids.ts";
import type { Connection, Database } from "./database.ts";
import { claimUndelivered, deleteOlderThan, insertEvent, listEvents, type StampedEvent } from "./events.ts";
import { openDatabase } from "./open-database.ts";
import { type TestDatabase, testDialects } from "./test-databases.ts";

function event(changes: Partial<StampedEvent> = {}): StampedEvent {
  return {
    id: uuidV7(),
    type: "server.removed",
    ownerId: "alice",
    subjectId: "server-1",
    data: { serverId: "server-1" },
    // Long ago, so that transactions of other tests on the same server do not hold it back.
    createdAt: "2025-01-01T00:00:00.000Z",
    ...changes,
  };
}

for (const { dialect, isMissing, make } of testDialects(inject("postgresUrl"))) {
  describe.skipIf(isMissing)(`events on ${dialect}`, () => {
    let files: TestDatabase;
    let database: Database;
    let connection: Connection;
    beforeEach(async () => {
      files = await make();
      database = await files.openMigrated();
      ({ connection } = database);
    });
    afterEach(() => files.close());

    const insert = async (count: number, changes: Partial<StampedEvent> = {}) => {
      const sequences: number[] = [];
      for (let made = 0; made < count; made += 1)
        sequences.push(await insertEvent(connection, event(changes)));
      return sequences;
    };
    const sequencesOf = (items: readonly { readonly sequence: number }[]) =>
      items.map(({ sequence }) => sequence);

    it("come back as they were put in, with a growing sequence", async () => {
      const stored = event({ ownerId: null, subjectId: null });
      const sequence = await insertEvent(connection, stored);
      expect(await insertEvent(connection, event())).toBe(sequence + 1);
      const { items } = await listEvents(connection, { after: 0, limit: 1 });
      expect(items).toEqual([{ ...stored, sequence }]);
    });

    it("are stored once per id", async () => {
      const twice = event();
      await insertEvent(connection, twice);
      await expect(insertEvent(connection, twice)).rejects.toThrow(/unique/i);
    });

    it("are gone with the transaction that recorded them", async () => {
      const failure = new Error("rolled back");
      const work = database.transaction(async (transaction) => {
        await insertEvent(transaction, event());
        throw failure;
      });
      await expect(work).rejects.toBe(failure);
      expect((await listEvents(connection, {})).items).toEqual([]);
    });

    it("are listed newest first, or from a sequence on oldest first, page by page", async () => {
      const made = await insert(5);
      const newest = await listEvents(connection, { limit: 3 });
      expect(sequencesOf(newest.items)).toEqual([...made].reverse().slice(0, 3));
      const rest = await listEvents(connection, { limit: 3, cursor: newest.nextCursor ?? "" });
      expect(sequencesOf(rest.items)).toEqual([...made].reverse().slice(3));
      expect(rest.nextCursor).toBeNull();

      const after = made[0] ?? 0;
      const first = await listEvents(connection, { after, limit: 2 });
      expect(sequencesOf(first.items)).toEqual(made.slice(1, 3));
      const second = await listEvents(connection, { after, limit: 2, cursor: first.nextCursor ?? "" });
      expect(sequencesOf(second.items)).toEqual(made.slice(3));
    });

    it("are filtered by owner, type and subject", async () => {
      await insert(2);
      await insert(1, { ownerId: "bob", subjectId: "server-2" });
      await insert(1, { type: "server.updated", data: { serverId: "server-1", name: "n" } });
      const count = async (query: object) => (await listEvents(connection, query)).items.length;
      expect(await count({ ownerId: "bob" })).toBe(1);
      expect(await count({ ownerId: "alice", after: 0 })).toBe(3);
      expect(await count({ type: "server.updated" })).toBe(1);
      expect(await count({ subjectId: "server-1", type: "server.removed" })).toBe(2);
    });

    it("are claimed in order, each one once, by any number of processes", async () => {
      const made = await insert(40);
      const replicas = [database, openDatabase(files.open()), openDatabase(files.open())];
      const batches = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          claimUndelivered(replicas[index % 3] ?? database, { limit: 5 }),
        ),
      );
      for (const batch of batches) {
        expect(sequencesOf(batch)).toEqual(sequencesOf(batch).sort((left, right) => left - right));
      }
      const rest = await claimUndelivered(database, { limit: 100 });
      const all = [...batches.flat(), ...rest];
      expect(sequencesOf(all).sort((left, right) => left - right)).toEqual(made);
      expect(await claimUndelivered(database, { limit: 5 })).toEqual([]);
    });

    it("can be claimed only where they are older than a time", async () => {
      const [old] = await insert(1, { createdAt: "2020-01-01T00:00:00.000Z" });
      await insert(1, { createdAt: "2020-01-01T00:00:10.000Z" });
      const claimed = await claimUndelivered(database, { limit: 9, olderThan: "2020-01-01T00:00:05.000Z" });
      expect(sequencesOf(claimed)).toEqual([old]);
    });

    it("are removed when they are older than a time, however many", async () => {
      const rows = Array.from({ length: 2_100 }, () => ({
        id: uuidV7(),
        type: "server.removed",
        owner_id: null,
        subject_id: null,
        data: "{}",
        created_at: "2020-01-01T00:00:00.000Z",
        delivered_at: null,
      }));
      for (let start = 0; start < rows.length; start += 700) {
        await connection
          .insertInto("mcp_events")
          .values(rows.slice(start, start + 700))
          .execute();
      }
      const [kept] = await insert(1);
      expect(await deleteOlderThan(connection, "2020-01-02T00:00:00.000Z")).toBe(2_100);
      expect(sequencesOf((await listEvents(connection, {})).items)).toEqual([kept]);
    });

    if (dialect === "postgres") {
      it("hold back what a running transaction may still precede, and nothing else", async () => {
        const other = openDatabase(files.open());
        const recorded = deferred();
        const released = deferred();
        const slow = other.transaction(async (transaction) => {
          const sequence = await insertEvent(transaction, event({ createdAt: new Date().toISOString() }));
          recorded.resolve();
          await released.promise;
          return sequence;
        });
        await recorded.promise;
        const [late] = await insert(1, { createdAt: new Date().toISOString() });
        const [old] = await insert(1);
        expect(sequencesOf((await listEvents(connection, { after: 0 })).items)).toEqual([old]);
        expect(sequencesOf((await listEvents(connection, {})).items)).toEqual([old, late]);
        released.resolve();
        const early = await slow;
        expect(sequencesOf((await listEvents(connection, { after: 0 })).items)).toEqual([early, late, old]);
      });

      it("are not held back by a transaction that has nothing to do with events", async () => {
        const other = openDatabase(files.open());
        await other.transaction(async (transaction) => {
          await transaction
            .insertInto("mcp_leases")
            .values({ name: "x", owner: "x", fence: 1, expires_at: "" })
            .execute();
          const made = await insert(2, { createdAt: new Date().toISOString() });
          expect(sequencesOf((await listEvents(connection, { after: 0 })).items)).toEqual(made);
        });
      });
    }
  });
}

function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
