import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { isPlatformError } from "../errors.ts";
import { uuidV7 } from "../ids.ts";
import { silentLogger } from "../logger.ts";
import type { Database } from "../store/database.ts";
import { type TestDatabase, testDialects } from "../store/test-databases.ts";
import { createTokens, type Tokens } from "./tokens.ts";

const instance = { id: "i-1", ownerId: "alice" };

for (const { dialect, isMissing, make } of testDialects(inject("postgresUrl"))) {
  describe.skipIf(isMissing)(`access tokens on ${dialect}`, () => {
    let files: TestDatabase;
    let database: Database;
    let tokens: Tokens;
    let now: number;
    beforeAll(async () => {
      files = await make();
      database = await files.openMigrated();
    });
    afterAll(() => files.close());
    beforeEach(async () => {
      await database.connection.deleteFrom("mcp_access_tokens").execute();
      now = Date.parse("2030-01-01T00:00:00.000Z");
      const clock = { now: () => now, setTimer: () => () => {} };
      tokens = createTokens({ database, clock, ids: uuidV7, logger: silentLogger });
    });
    const rows = () => database.connection.selectFrom("mcp_access_tokens").selectAll().execute();

    it("let their bearer act for the owner, confined to the instance", async () => {
      const { token } = await tokens.create(instance);
      expect(await tokens.authenticate(token)).toEqual({ id: "alice", instanceId: "i-1" });
    });

    it("are shown once and stored as a hash", async () => {
      const created = await tokens.create(instance, { name: "laptop" });
      expect(created.token).toMatch(/^moorage_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$/);
      expect(created.token).toContain(created.id.replaceAll("-", ""));
      expect(created).toMatchObject({
        name: "laptop",
        hint: created.token.slice(-4),
        expiresAt: null,
        lastUsedAt: null,
      });
      const [row] = await rows();
      expect(row?.token_hash).toBe(createHash("sha256").update(created.token).digest("hex"));
      expect(JSON.stringify([row, await tokens.list("i-1")])).not.toContain(created.token.slice(41, 60));
    });

    it("are all different, and take their randomness from outside", async () => {
      const made = await Promise.all([tokens.create(instance), tokens.create(instance)]);
      expect(new Set(made.map(({ token }) => token.slice(-43))).size).toBe(2);
      const fixed = createTokens({
        database,
        clock: { now: () => now, setTimer: () => () => {} },
        ids: uuidV7,
        logger: silentLogger,
        randomBytes: (length) => new Uint8Array(length),
      });
      expect((await fixed.create(instance)).token).toMatch(/_A{43}$/);
    });

    it("end when they expire", async () => {
      const { token, expiresAt } = await tokens.create(instance, { ttlSeconds: 60 });
      expect(expiresAt).toBe("2030-01-01T00:01:00.000Z");
      now += 59_999;
      expect(await tokens.authenticate(token)).not.toBeNull();
      now += 1;
      expect(await tokens.authenticate(token)).toBeNull();
    });

    it("end when they are revoked, one by one or all of an instance", async () => {
      const [a, b, c] = await Promise.all([1, 2, 3].map(() => tokens.create(instance)));
      const other = await tokens.create({ id: "i-2", ownerId: "alice" });
      expect(await tokens.revoke("i-2", { tokenId: a?.id ?? "" })).toBe(0);
      expect(await tokens.revoke("i-1", { tokenId: a?.id ?? "" })).toBe(1);
      expect(await tokens.revoke("i-1", { tokenId: a?.id ?? "" })).toBe(0);
      expect(await tokens.authenticate(a?.token ?? "")).toBeNull();
      expect(await tokens.authenticate(b?.token ?? "")).not.toBeNull();
      expect(await tokens.revoke("i-1")).toBe(2);
      expect(await tokens.authenticate(c?.token ?? "")).toBeNull();
      expect(await tokens.authenticate(other.token)).not.toBeNull();
      expect(await tokens.list("i-1")).toEqual([]);
    });

    it("note their use once a minute", async () => {
      const { token } = await tokens.create(instance);
      const lastUse = async () => (await tokens.list("i-1"))[0]?.lastUsedAt;
      await tokens.authenticate(token);
      expect(await lastUse()).toBe("2030-01-01T00:00:00.000Z");
      now += 59_000;
      await tokens.authenticate(token);
      expect(await lastUse()).toBe("2030-01-01T00:00:00.000Z");
      now += 2_000;
      await tokens.authenticate(token);
      expect(await lastUse()).toBe("2030-01-01T00:01:01.000Z");
    });

    it("are nothing but the very text that was given", async () => {
      const { token } = await tokens.create(instance);
      const last = token.endsWith("A") ? "B" : "A";
      const texts = [
        "",
        "x",
        token.slice(0, -1),
        `${token.slice(0, -1)}${last}`,
        `${token} `,
        `Bearer ${token}`,
        token.toUpperCase(),
      ];
      for (const text of [...texts, "moorage_".repeat(100_000), "' or 1=1 --"]) {
        expect(await tokens.authenticate(text)).toBeNull();
      }
    });

    it.each([
      { ttlSeconds: 0 },
      { ttlSeconds: 1e12 },
      { ttlSeconds: "60" },
      { name: "" },
      { name: "a\0" },
      { scope: "x" },
    ])("are not made of %j", async (input) => {
      await expect(tokens.create(instance, input as never)).rejects.toMatchObject({ code: "INVALID_INPUT" });
      expect(await rows()).toEqual([]);
    });

    it("are at most 100 good ones per instance", async () => {
      const { id: _, ...row } = { ...(await tokens.create(instance)) };
      const [stored] = await rows();
      if (!stored || !row) throw new Error("no row");
      const more = Array.from({ length: 98 }, (_, index) => ({
        ...stored,
        id: uuidV7(),
        token_hash: String(index),
      }));
      await database.connection.insertInto("mcp_access_tokens").values(more).execute();
      await tokens.create(instance);
      const error = await tokens.create(instance).catch((thrown: unknown) => thrown);
      expect(isPlatformError(error, "LIMIT_EXCEEDED")).toBe(true);
      await tokens.revoke("i-1", { tokenId: stored.id });
      expect((await tokens.create(instance)).token).toContain("moorage_");
    });

    it("still work when their use cannot be noted", async () => {
      const { token } = await tokens.create(instance);
      const warnings: string[] = [];
      const failing = createTokens({
        database: { ...database, connection: withoutUpdates(database.connection) },
        clock: { now: () => now, setTimer: () => () => {} },
        ids: uuidV7,
        logger: { ...silentLogger, warn: (_, message) => warnings.push(message) },
      });
      expect(await failing.authenticate(token)).toEqual({ id: "alice", instanceId: "i-1" });
      expect(warnings).toEqual(["the use of an access token was not noted"]);
      await tokens.authenticate(token);
      await failing.authenticate(token);
      expect(warnings, "nothing is written within the minute").toHaveLength(1);
    });
  });
}

function withoutUpdates(connection: Database["connection"]): Database["connection"] {
  return new Proxy(connection, {
    get(target, name) {
      if (name === "updateTable") return () => target.updateTable("mcp_missing" as never);
      return Reflect.get(target, name, target).bind(target);
    },
  });
}
