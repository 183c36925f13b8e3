import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { ToolCallRecord } from "../contracts/proxy.ts";
import { uuidV7 } from "../ids.ts";
import type { Connection } from "./database.ts";
import { type TestDatabase, testDialects } from "./test-databases.ts";
import { countToolCalls, insertToolCalls, listToolCalls } from "./tool-calls.ts";

function call(changes: Partial<ToolCallRecord> = {}): ToolCallRecord {
  return {
    id: uuidV7(),
    ownerId: "alice",
    actorId: "alice",
    instanceId: "instance-1",
    serverId: "server-1",
    sessionId: null,
    tool: "echo",
    arguments: { text: "hello", deep: { list: [1, null, true] } },
    result: { content: [{ type: "text", text: "hello" }] },
    status: "success",
    errorMessage: null,
    durationMs: 12,
    retries: 0,
    createdAt: "2030-01-01T00:00:00.000Z",
    ...changes,
  };
}

for (const { dialect, isMissing, make } of testDialects(inject("postgresUrl"))) {
  describe.skipIf(isMissing)(`tool calls on ${dialect}`, () => {
    let files: TestDatabase;
    let connection: Connection;
    beforeAll(async () => {
      files = await make();
      ({ connection } = await files.openMigrated());
    });
    afterAll(() => files.close());

    it("come back as they were put in", async () => {
      const record = call({ ownerId: "whole", sessionId: "s", status: "timeout", errorMessage: "too late" });
      await insertToolCalls(connection, [record]);
      expect((await listToolCalls(connection, { ownerId: "whole" })).items).toEqual([record]);
    });

    it("are written in any number, and again without a second row", async () => {
      const records = Array.from({ length: 5_003 }, () => call({ ownerId: "many" }));
      await insertToolCalls(connection, records);
      await insertToolCalls(connection, records.slice(0, 700));
      expect((await countToolCalls(connection, "many")).total).toBe(5_003);
      await insertToolCalls(connection, []);
    });

    it("keep the rest of a batch when one answer cannot be written", async () => {
      const circle: Record<string, unknown> = {};
      circle.self = circle;
      const odd = call({
        ownerId: "odd",
        result: circle,
        arguments: undefined,
        errorMessage: "a\u0000b",
        durationMs: 1.6,
      });
      await insertToolCalls(connection, [odd, call({ ownerId: "odd" })]);
      const { items } = await listToolCalls(connection, { ownerId: "odd" });
      expect(items).toHaveLength(2);
      const stored = items.find(({ id }) => id === odd.id);
      expect(stored).toMatchObject({
        result: null,
        arguments: null,
        errorMessage: "a\ufffdb",
        durationMs: 2,
      });
    });

    it("are listed newest first, page by page, filtered by owner, instance, tool and status", async () => {
      const records = Array.from({ length: 9 }, (_, index) =>
        call({
          ownerId: "lister",
          instanceId: `instance-${index % 2}`,
          tool: index % 3 === 0 ? "read" : "echo",
          status: index === 8 ? "failed" : "success",
        }),
      );
      await insertToolCalls(connection, records);
      const ids = records.map(({ id }) => id).reverse();
      const first = await listToolCalls(connection, { ownerId: "lister", limit: 5 });
      const second = await listToolCalls(connection, {
        ownerId: "lister",
        limit: 5,
        cursor: first.nextCursor ?? "",
      });
      expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids);
      expect(second.nextCursor).toBeNull();
      const count = async (filter: object) =>
        (await listToolCalls(connection, { ownerId: "lister", ...filter })).items.length;
      expect(await count({ instanceId: "instance-1" })).toBe(4);
      expect(await count({ tool: "read" })).toBe(3);
      expect(await count({ status: "failed" })).toBe(1);
      expect(await count({ tool: "read", instanceId: "instance-1" })).toBe(1);
    });

    it("never show another owner's rows to a cursor of theirs", async () => {
      await insertToolCalls(connection, [call({ ownerId: "carol" }), call({ ownerId: "carol" })]);
      await insertToolCalls(connection, [call({ ownerId: "dave" }), call({ ownerId: "dave" })]);
      const { nextCursor } = await listToolCalls(connection, { ownerId: "dave", limit: 1 });
      const page = await listToolCalls(connection, { ownerId: "carol", cursor: nextCursor ?? "" });
      expect(page.items.map(({ ownerId }) => ownerId)).toEqual(["carol", "carol"]);
    });

    it("are counted with their failures and average duration", async () => {
      await insertToolCalls(connection, [
        call({ ownerId: "counted", durationMs: 10 }),
        call({ ownerId: "counted", durationMs: 20, status: "failed" }),
        call({ ownerId: "counted", durationMs: 60, status: "timeout" }),
      ]);
      expect(await countToolCalls(connection, "counted")).toEqual({
        total: 3,
        failed: 2,
        averageDurationMs: 30,
      });
      expect(await countToolCalls(connection, "nobody")).toEqual({
        total: 0,
        failed: 0,
        averageDurationMs: null,
      });
      expect((await countToolCalls(connection)).total).toBeGreaterThan(5_003);
    });
  });
}
