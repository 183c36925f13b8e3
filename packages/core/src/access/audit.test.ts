import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { isoTime } from "../clock.ts";
import { uuidV7 } from "../ids.ts";
import { silentLogger } from "../logger.ts";
import type { Audit } from "../services.ts";
import type { Database } from "../store/database.ts";
import { type TestDatabase, testDialects } from "../store/test-databases.ts";
import { createAccess } from "./access.ts";
import { type AuditWriter, createAudit, createAuditWriter, type NewAuditEntry } from "./audit.ts";
import { ownership } from "./ownership.ts";

const clock = { now: () => 0, setTimer: () => () => {} };

function entry(changes: Partial<NewAuditEntry> = {}): NewAuditEntry {
  return {
    actorId: "alice",
    ownerId: "alice",
    action: "server.create",
    subjectType: "server",
    subjectId: "s-1",
    outcome: "allowed",
    ...changes,
  };
}

for (const { dialect, isMissing, make } of testDialects(inject("postgresUrl"))) {
  describe.skipIf(isMissing)(`the audit on ${dialect}`, () => {
    let files: TestDatabase;
    let database: Database;
    let writer: AuditWriter;
    let audit: Audit;
    const logged: object[] = [];
    const logger = { ...silentLogger, error: (details: object) => logged.push(details) };
    beforeAll(async () => {
      files = await make();
      database = await files.openMigrated();
      writer = createAuditWriter({ database, clock, ids: uuidV7, logger });
      audit = createAudit({
        database,
        access: createAccess({ authorize: ownership(), requireActor: false }),
      });
    });
    afterAll(() => files.close());
    beforeEach(async () => {
      await database.connection.deleteFrom("mcp_audit").execute();
      logged.length = 0;
    });

    it("keeps what was recorded", async () => {
      await writer.record(entry({ details: { name: "echo", list: [1, null] } }));
      expect((await audit.list()).items).toEqual([
        {
          ...entry(),
          id: expect.any(String),
          details: { name: "echo", list: [1, null] },
          createdAt: isoTime(0),
        },
      ]);
    });

    it("shows an actor the entries about its own things, and nobody else's", async () => {
      await writer.record(entry());
      await writer.record(entry({ ownerId: "bob", actorId: "alice", outcome: "denied" }));
      expect((await audit.list({}, { actor: { id: "alice" } })).items).toMatchObject([{ ownerId: "alice" }]);
      expect((await audit.list({}, { actor: { id: "bob" } })).items).toMatchObject([
        { ownerId: "bob", actorId: "alice" },
      ]);
      await expect(audit.list({ ownerId: "bob" }, { actor: { id: "alice" } })).rejects.toMatchObject({
        code: "FORBIDDEN",
      });
      expect((await audit.list()).items).toHaveLength(2);
    });

    it("is filtered by action and subject, and goes page by page, newest first", async () => {
      for (const subjectId of ["s-1", "s-2", "s-3"]) await writer.record(entry({ subjectId }));
      await writer.record(entry({ action: "server.remove", subjectId: "s-3" }));
      const subjects = async (query: object) =>
        (await audit.list(query)).items.map(({ subjectId }) => subjectId);
      expect(await subjects({ action: "server.create" })).toEqual(["s-3", "s-2", "s-1"]);
      expect(await subjects({ subjectId: "s-3" })).toEqual(["s-3", "s-3"]);
      const { nextCursor } = await audit.list({ limit: 3 });
      expect(await subjects({ limit: 3, cursor: nextCursor })).toEqual(["s-1"]);
    });

    it.each([{ limit: 201 }, { action: "" }, { subjectId: "a\0" }, { actor: "x" }])(
      "refuses %j",
      async (query) => {
        await expect(audit.list(query as never)).rejects.toMatchObject({ code: "INVALID_INPUT" });
      },
    );

    it("is part of the transaction whose connection it is given", async () => {
      await database.transaction((transaction) => writer.record(entry({ subjectId: "kept" }), transaction));
      const work = database.transaction(async (transaction) => {
        await writer.record(entry({ subjectId: "undone" }), transaction);
        throw new Error("rolled back");
      });
      await expect(work).rejects.toThrow("rolled back");
      expect((await audit.list()).items).toMatchObject([{ subjectId: "kept" }]);
      expect(logged).toEqual([]);
    });

    it("fails the transaction that it cannot be part of", async () => {
      const work = database.transaction(async (transaction) => {
        await writer.record(entry(), transaction);
        await writer.record(entry({ details: { size: 1n } }), transaction);
      });
      await expect(work).rejects.toThrow();
      expect((await audit.list()).items).toEqual([]);
    });

    it("never fails what it reports on, and tells the logger instead", async () => {
      const circle: Record<string, unknown> = {};
      circle.self = circle;
      await writer.record(entry({ details: circle }));
      expect((await audit.list()).items).toEqual([]);
      expect(logged).toMatchObject([{ action: "server.create", subjectId: "s-1", outcome: "allowed" }]);
    });
  });
}
