import { coreMigrations, createPlatform, migrateDatabase, type SecretInput, type Vault } from "@moorage/core";
import { sqlite } from "@moorage/core/sqlite";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  build,
  codeOf,
  type House,
  inInstance,
  keys,
  LAUNCH,
  owned,
  places,
  SENTINEL,
  sqliteFile,
  valuesOf,
  withoutValue,
} from "./house.test.ts";
import { generateKey, localKeyring } from "./key-ring.ts";
import { vault } from "./vault.ts";

describe.each(places)("the vault on $dialect", ({ isMissing, make }) => {
  describe.skipIf(isMissing)("with a database", () => {
    let house: House;
    let safe: Vault;

    beforeAll(async () => {
      house = await build(await make());
      safe = house.vault();
    });
    beforeEach(() => house.clear());
    afterAll(() => house.close());

    const resolve = (
      environment: Record<string, string>,
      options: { ownerId?: string; instanceId?: string } = {},
    ) => valuesOf(safe.resolve({ ...LAUNCH, environment, ...options }));

    it("tells everything about a secret but its value", async () => {
      const stored = await safe.put(owned("GITHUB_TOKEN"));
      expect(stored).toEqual({
        ownerId: "alice",
        scope: { kind: "owner" },
        name: "GITHUB_TOKEN",
        hint: "alue",
        version: 1,
        keyId: "k1",
        createdAt: "2026-03-01T10:00:00.000Z",
        updatedAt: "2026-03-01T10:00:00.000Z",
        rotatedAt: null,
        expiresAt: "2026-05-30T10:00:00.000Z",
        previousUntil: null,
        lastUsedAt: null,
      });
      const listed = await safe.list({});
      expect(listed).toEqual({ items: [stored], nextCursor: null });
      expect(JSON.stringify([stored, listed])).not.toContain(SENTINEL);
    });

    it("resolves references of both kinds, and passes literals through", async () => {
      await safe.put(owned("TOKEN", "of the owner"));
      await safe.put(inInstance("i-1", "TOKEN", "of the instance"));
      const environment = {
        A: "secret:TOKEN",
        B: "secret_ref:i-1:TOKEN",
        C: "plain",
        D: "x secret:TOKEN",
        E: "",
        F: "secret:TOKEN",
      };
      expect(await resolve(environment)).toEqual({
        A: "of the instance",
        B: "of the instance",
        C: "plain",
        D: "x secret:TOKEN",
        E: "",
        F: "of the instance",
      });
    });

    it("does not resolve what it has resolved once more", async () => {
      await safe.put(owned("OUTER", "secret:INNER"));
      await safe.put(owned("INNER"));
      expect(await resolve({ A: "secret:OUTER" })).toEqual({ A: "secret:INNER" });
    });

    it("names every reference that names nothing, in one error", async () => {
      await safe.put(owned("HERE"));
      const environment = {
        A: "secret:GONE",
        B: "secret:HERE",
        C: "secret_ref:i-1:GONE",
        D: "literal-value",
      };
      const error = await resolve(environment).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: "NOT_FOUND",
        details: { references: ["secret:GONE", "secret_ref:i-1:GONE"] },
      });
      expect(String(error)).not.toMatch(/HERE|literal-value|sentinel/);
    });

    it("does not reach another owner's secrets, nor another instance's", async () => {
      await safe.put(owned("TOKEN", "of bob", "bob"));
      await safe.put(inInstance("i-2", "KEY"));
      await safe.put(inInstance("i-1", "KEY", "of bob's instance", "bob"));
      expect(await codeOf(resolve({ A: "secret:TOKEN" }))).toBe("NOT_FOUND");
      expect(await codeOf(resolve({ A: "secret_ref:i-2:KEY" }))).toBe("NOT_FOUND");
      expect(await codeOf(resolve({ A: "secret_ref:i-1:KEY" }))).toBe("NOT_FOUND");
      expect(await codeOf(resolve({ A: "secret:KEY" }))).toBe("NOT_FOUND");
      await safe.put(inInstance("i-1", "KEY", "of the instance"));
      const both = { A: "secret_ref:i-1:KEY", B: "secret_ref:i-2:KEY" };
      await expect(resolve(both)).rejects.toMatchObject({ details: { references: ["secret_ref:i-2:KEY"] } });
      const [foreign, unknown] = await Promise.all(
        ["secret_ref:i-2:KEY", "secret_ref:i-2:NOPE"].map((A) => resolve({ A }).catch(String)),
      );
      expect(String(foreign).replace("KEY", "NOPE")).toBe(unknown);
    });

    it("refuses what only looks like a reference, without repeating it", async () => {
      const error = await resolve({ A: "secret:hunter-2", B: "ok" }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "INVALID_INPUT", details: { issues: [{ path: "A" }] } });
      expect(String(error)).not.toContain("hunter");
    });

    it("does not open a ciphertext that was moved to another owner, name, scope or instance", async () => {
      await safe.put(owned("MINE"));
      await safe.put(owned("MINE", "other value", "bob"));
      await safe.put(owned("SECOND", "other value"));
      await safe.put(inInstance("i-1", "MINE", "other value"));
      await sql`update ${sql.table("mcp_secrets")} set envelope = (
        select envelope from ${sql.table("mcp_secrets")}
        where owner_id = 'alice' and scope = 'owner' and name = 'MINE')`.execute(house.database.connection);
      expect(await resolve({ A: "secret:MINE" }, { instanceId: "i-2" })).toEqual({ A: SENTINEL });
      expect(await codeOf(resolve({ A: "secret:SECOND" }))).toBe("DECRYPT_FAILED");
      expect(await codeOf(resolve({ A: "secret:MINE" }))).toBe("DECRYPT_FAILED");
      expect(await codeOf(resolve({ A: "secret_ref:i-1:MINE" }))).toBe("DECRYPT_FAILED");
      expect(await codeOf(resolve({ A: "secret:MINE" }, { ownerId: "bob" }))).toBe("DECRYPT_FAILED");
    });

    it("fails the whole environment when one secret of several does not open", async () => {
      await safe.put(owned("GOOD"));
      await house.vault({ keys: generateKey("k9") }).put(owned("BAD"));
      const error = await resolve({ A: "secret:GOOD", B: "secret:BAD" }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "DECRYPT_FAILED", message: expect.stringContaining('"BAD"') });
      expect(String(error)).not.toContain(SENTINEL);
    });

    it("gives a secret of the same address a new version, in its place", async () => {
      await safe.put(owned("TOKEN", "first"));
      house.time += 5_000;
      const second = await safe.put(owned("TOKEN", "second"));
      expect(second).toMatchObject({ version: 2, createdAt: "2026-03-01T10:00:00.000Z", hint: null });
      expect(second.updatedAt).toBe("2026-03-01T10:00:05.000Z");
      expect((await safe.list({})).items).toEqual([second]);
      expect(await resolve({ A: "secret:TOKEN" })).toEqual({ A: "second" });
    });

    it("counts every version when several are stored at once", async () => {
      const replica = house.vault();
      const puts = Array.from({ length: 8 }, (_, at) =>
        (at % 2 ? safe : replica).put(owned("TOKEN", `v${at}`)),
      );
      const versions = (await Promise.all(puts)).map(({ version }) => version).sort();
      expect(versions).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect((await safe.list({})).items).toHaveLength(1);
    });

    it("opens what was sealed under the other algorithm and under older keys", async () => {
      await safe.put(owned("OLD"));
      const next = house.vault({ keys: `${generateKey("k2")},${keys}`, algorithm: "aes-256-gcm" });
      expect(await next.put(owned("NEW", "new value"))).toMatchObject({ keyId: "k2" });
      const request = { ...LAUNCH, environment: { A: "secret:OLD", B: "secret:NEW" } };
      expect(await valuesOf(next.resolve(request))).toEqual({ A: SENTINEL, B: "new value" });
      expect(await codeOf(safe.resolve(request))).toBe("DECRYPT_FAILED");
    });

    it("tells when a secret was used, at most once a minute", async () => {
      await safe.put(owned("TOKEN"));
      const lastUsed = async () => (await safe.list({})).items[0]?.lastUsedAt;
      await resolve({ A: "secret:TOKEN" });
      expect(await lastUsed()).toBe("2026-03-01T10:00:00.000Z");
      house.time += 59_000;
      await resolve({ A: "secret:TOKEN" });
      expect(await lastUsed()).toBe("2026-03-01T10:00:00.000Z");
      house.time += 1_000;
      await resolve({ A: "secret:TOKEN" });
      expect(await lastUsed()).toBe("2026-03-01T10:01:00.000Z");
    });

    it("removes one secret, and says whether there was one", async () => {
      await safe.put(owned("TOKEN"));
      await safe.put(owned("TOKEN", SENTINEL, "bob"));
      expect(await safe.remove(withoutValue(owned("TOKEN")))).toBe(true);
      expect(await safe.remove(withoutValue(owned("TOKEN")))).toBe(false);
      expect((await safe.list({})).items.map(({ ownerId }) => ownerId)).toEqual(["bob"]);
    });

    it("removes the secrets of one instance of one owner, and no others", async () => {
      await safe.put(inInstance("i-1", "A"));
      await safe.put(inInstance("i-1", "B"));
      await safe.put(inInstance("i-2", "A"));
      await safe.put(inInstance("i-1", "A", SENTINEL, "bob"));
      await safe.put({ ...owned("A"), scope: { kind: "server", id: "i-1" } });
      await safe.put(owned("A"));
      expect(await safe.removeScope({ ownerId: "alice", kind: "instance", id: "i-1" })).toBe(2);
      expect(await safe.removeScope({ ownerId: "alice", kind: "instance", id: "i-1" })).toBe(0);
      expect((await safe.list({})).items).toHaveLength(4);
    });

    it("lists by owner and by scope, newest first, page by page", async () => {
      for (const name of ["A", "B", "C"]) await safe.put(owned(name));
      await safe.put(inInstance("i-1", "D"));
      await safe.put(owned("E", SENTINEL, "bob"));
      const names = async (query: Parameters<Vault["list"]>[0]) =>
        (await safe.list(query)).items.map(({ name }) => name);
      expect(await names({})).toEqual(["E", "D", "C", "B", "A"]);
      expect(await names({ ownerId: "alice" })).toEqual(["D", "C", "B", "A"]);
      expect(await names({ ownerId: "alice", scope: { kind: "owner" } })).toEqual(["C", "B", "A"]);
      expect(await names({ scope: { kind: "instance", id: "i-1" } })).toEqual(["D"]);
      const first = await safe.list({ ownerId: "alice", limit: 3 });
      expect(first.items.map(({ name }) => name)).toEqual(["D", "C", "B"]);
      expect(await names({ ownerId: "alice", limit: 3, cursor: first.nextCursor ?? "" })).toEqual(["A"]);
    });

    it("records each change with its state, and delivers after the commit", async () => {
      const put = await safe.put(inInstance("i-1", "TOKEN"));
      await safe.put(owned("TOKEN"));
      await safe.remove(withoutValue(owned("TOKEN")));
      await safe.remove(withoutValue(owned("TOKEN")));
      await safe.removeScope({ ownerId: "alice", kind: "instance", id: "i-1" });
      expect(put.version).toBe(1);
      const own = { scope: "owner", scopeId: null, name: "TOKEN", version: 1 };
      const instance = { scope: "instance", scopeId: "i-1", name: "TOKEN", version: 1 };
      expect(house.recorded.map(({ type, ownerId, data }) => ({ type, ownerId, data }))).toEqual([
        { type: "secret.stored", ownerId: "alice", data: instance },
        { type: "secret.stored", ownerId: "alice", data: own },
        { type: "secret.removed", ownerId: "alice", data: own },
        { type: "secret.removed", ownerId: "alice", data: instance },
      ]);
      expect(house.recorded.every(({ subjectId }) => typeof subjectId === "string")).toBe(true);
      expect(house.delivered).toBe(5);
    });

    it("joins a transaction that is open, with its events, and leaves the delivery to it", async () => {
      const work = house.database.transaction(async (connection) => {
        await safe.put(owned("TOKEN"), { connection });
        await safe.put(owned("OTHER"), { connection });
        await safe.remove(withoutValue(owned("OTHER")), { connection });
        throw new Error("rolled back");
      });
      await expect(work).rejects.toThrow("rolled back");
      expect((await safe.list({})).items).toEqual([]);
      expect(await house.rows()).not.toContain("secret.stored");
      expect(house.delivered).toBe(0);
      await house.database.transaction((connection) => safe.put(owned("TOKEN"), { connection }));
      expect(await house.rows()).toContain("secret.stored");
      expect(house.delivered).toBe(0);
    });

    it("stores nothing when its event cannot be stored", async () => {
      house.canRecord = false;
      await expect(safe.put(owned("TOKEN"))).rejects.toThrow("no event");
      expect((await safe.list({})).items).toEqual([]);
    });

    it("keeps the plain value out of the database, its files, events, logs and errors", async () => {
      const values = [SENTINEL, `${SENTINEL}-two`, `multi\n${SENTINEL}\nline`];
      for (const [at, value] of values.entries()) await safe.put(owned(`S${at}`, value));
      await safe.put(inInstance("i-1", "KEY"));
      await resolve({ A: "secret:S0", B: "secret:S1", C: "secret:S2", D: "secret_ref:i-1:KEY" });
      const errors = await Promise.all([
        safe.put({ ...owned("not a name"), value: SENTINEL }).catch(String),
        safe.put({ ...owned("TOKEN"), value: `${SENTINEL}\0` }).catch(String),
        safe.put({ ...owned("TOKEN"), extra: SENTINEL } as SecretInput).catch(String),
        resolve({ A: "secret:NOPE", B: SENTINEL }).catch(String),
      ]);
      await safe.put(owned("S0", `${SENTINEL}-rotated`));
      await safe.remove(withoutValue(owned("S1")));
      const everything = JSON.stringify([house.recorded, house.warnings, errors]) + (await house.stored());
      const raw = Buffer.from(SENTINEL);
      for (const form of ["utf8", "hex", "base64", "base64url"] as const) {
        // Two characters at each end depend on what stands beside it in base64.
        expect(everything.includes(raw.toString(form).slice(2, -4)), form).toBe(false);
      }
      expect(errors).toHaveLength(4);
      expect(everything.includes("moorage1.secretbox.k1.")).toBe(true);
    });
  });
});

describe("what the vault refuses before it does anything", () => {
  let house: House;
  let safe: Vault;
  beforeAll(async () => {
    house = await build(await sqliteFile());
    safe = house.vault();
  });
  beforeEach(() => house.clear());
  afterAll(() => house.close());

  const bad = (change: object) => ({ ...owned("TOKEN"), ...change }) as SecretInput;

  it.each([
    ["an empty value", { value: "" }, "value"],
    ["a value with NUL", { value: "a\0b" }, "value"],
    ["a value that is no Unicode", { value: "a\ud800" }, "value"],
    ["a value that is no text", { value: 5 }, "value"],
    ["64 KiB and one byte", { value: "x".repeat(65_537) }, "value"],
    ["64 KiB of characters that take two bytes", { value: "é".repeat(32_769) }, "value"],
    ["a name that starts with a digit", { name: "1A" }, "name"],
    ["a name with a hyphen", { name: "A-B" }, "name"],
    ["a name of 129 characters", { name: "A".repeat(129) }, "name"],
    ["no owner", { ownerId: "" }, "ownerId"],
    ["an owner with NUL", { ownerId: "a\0" }, "ownerId"],
    ["an owner that is no Unicode", { ownerId: "\udc00" }, "ownerId"],
    ["an unknown scope", { scope: { kind: "team", id: "t" } }, "scope"],
    ["an instance without id", { scope: { kind: "instance" } }, "scope"],
    ["an owner's scope with an id", { scope: { kind: "owner", id: "x" } }, "scope"],
    ["an unknown member", { secret: true }, "secret"],
  ])("put: %s", async (_, change, path) => {
    const error = await safe.put(bad(change)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "INVALID_INPUT",
      details: { issues: [{ path: expect.stringContaining(path) }] },
    });
    expect((await safe.list({})).items).toEqual([]);
    expect(house.recorded).toEqual([]);
  });

  it("list: limits out of range and cursors that no page gave", async () => {
    for (const query of [
      { limit: 0 },
      { limit: 201 },
      { limit: 1.5 },
      { cursor: "nonsense" },
      { cursor: "" },
    ]) {
      expect(await codeOf(safe.list(query))).toBe("INVALID_INPUT");
    }
  });

  it("removeScope: everything of an owner at once", async () => {
    expect(await codeOf(safe.removeScope({ ownerId: "alice", kind: "owner" }))).toBe("INVALID_INPUT");
    expect(await codeOf(safe.removeScope({ ownerId: "alice", kind: "instance" }))).toBe("INVALID_INPUT");
  });

  it("takes a value of exactly 64 KiB", async () => {
    await safe.put(owned("BIG", "é".repeat(32_768)));
    const request = { ...LAUNCH, environment: { A: "secret:BIG" } };
    expect((await safe.resolve(request)).values.A).toHaveLength(32_768);
  });
});

describe("the vault's table", () => {
  let house: House;
  beforeEach(async () => {
    house = await build(await sqliteFile());
  });
  afterEach(() => house.close());

  it("launches although the time of use cannot be written", async () => {
    await house.vault().put(owned("TOKEN"));
    await sql`create trigger deaf before update on ${sql.table("mcp_secrets")}
      begin select raise(abort, 'read only'); end`.execute(house.database.connection);
    const request = { ...LAUNCH, environment: { A: "secret:TOKEN" } };
    expect(await valuesOf(house.vault().resolve(request))).toEqual({ A: SENTINEL });
    expect(house.warnings).toHaveLength(1);
  });

  const migrate = (options: Parameters<typeof migrateDatabase>[2] = {}) =>
    migrateDatabase(house.database, { ...coreMigrations, ...vault({ keys }).migrations }, options);

  it("brings the secrets of the first schema along, without an end", async () => {
    const safe = house.vault();
    await safe.put(owned("TOKEN"));
    expect(await migrate({ direction: "down" })).toEqual(["vault-0002-rotation"]);
    await expect(safe.rotate(owned("TOKEN"))).rejects.toThrow();
    expect(await migrate()).toEqual(["vault-0002-rotation"]);
    expect(await safe.list({})).toMatchObject({ items: [{ version: 1, expiresAt: null, rotatedAt: null }] });
    expect(await valuesOf(safe.resolve({ ...LAUNCH, environment: { A: "secret:TOKEN" } }))).toEqual({
      A: SENTINEL,
    });
    expect(await safe.rotate(owned("TOKEN", "second"))).toMatchObject({ version: 2, expiresAt: null });
  });

  it("takes its tables away again", async () => {
    expect(await migrate({ direction: "down", steps: 2 })).toEqual([
      "vault-0002-rotation",
      "vault-0001-secrets",
    ]);
    await expect(house.vault().list({})).rejects.toThrow();
  });
});

describe("vault()", () => {
  it.each([[undefined], [""], [null]])("without keys (%j) says how to make one", (none) => {
    expect(() => vault({ keys: none as undefined })).toThrow(
      expect.objectContaining({ code: "INVALID_INPUT", message: expect.stringContaining("generateKey()") }),
    );
  });

  it("refuses unusable keys and unknown algorithms at once", () => {
    expect(() => vault({ keys: "k1:abc" })).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
    expect(() => vault({ keys, algorithm: "rot13" as "secretbox" })).toThrow(/secretbox, aes-256-gcm/);
  });

  it("takes a key provider of the host", () => {
    expect(vault({ keys: localKeyring(keys) }).name).toBe("vault");
  });

  it("writes the audit of its platform, once for each thing done", async () => {
    const platform = createPlatform({ database: sqlite(":memory:"), vault: vault({ keys }) });
    await platform.migrate();
    const actor = { id: "alice" };
    await platform.secrets.put({ name: "TOKEN", value: SENTINEL }, { actor });
    await platform.secrets.rotate({ name: "TOKEN", value: "second" }, { actor });
    const { items } = await platform.audit.list({}, { actor });
    expect(items.map(({ action, actorId, ownerId }) => [action, actorId, ownerId])).toEqual([
      ["secret.rotate", "alice", "alice"],
      ["secret.write", "alice", "alice"],
    ]);
    await platform.close();
  });
});
