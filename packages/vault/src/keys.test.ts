import { randomUUID } from "node:crypto";
import {
  coreMigrations,
  createLeaseStore,
  type Database,
  type DatabaseHandle,
  isPlatformError,
  migrateDatabase,
  type NewAuditEntry,
  openDatabase,
  type PartContext,
  PlatformError,
  type RewrapResult,
  silentLogger,
  systemClock,
  uuidV7,
  type Vault,
} from "@moorage/core";
import { postgres } from "@moorage/core/postgres";
import { sqlite } from "@moorage/core/sqlite";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import type { KeyProvider } from "./key-provider.ts";
import { generateKey, type KeyRing, localKeyring } from "./key-ring.ts";
import type { SecretRow } from "./secret-store.ts";
import { vault } from "./vault.ts";

const [k1, k2, k3] = [generateKey("k1"), generateKey("k2"), generateKey("k3")];

interface Place {
  readonly handle: DatabaseHandle;
  remove(): Promise<void>;
}

async function memory(): Promise<Place> {
  return { handle: sqlite(":memory:"), remove: async () => {} };
}

async function postgresSchema(url: string): Promise<Place> {
  const schema = `moorage_keys_${randomUUID().replaceAll("-", "")}`;
  const admin = postgres({ connectionString: url, max: 1 });
  await sql`create schema ${sql.id(schema)}`.execute(admin.kysely);
  return {
    handle: postgres({ connectionString: url, options: `-c search_path=${schema}`, max: 4 }),
    async remove() {
      await sql`drop schema ${sql.id(schema)} cascade`.execute(admin.kysely);
      await admin.close?.();
    },
  };
}

const url = inject("postgresUrl");
const places = [
  { dialect: "sqlite", isMissing: false, make: memory },
  { dialect: "postgres", isMissing: url === null, make: () => postgresSchema(url ?? "") },
];

describe.each(places)("master keys on $dialect", ({ isMissing, make }) => {
  describe.skipIf(isMissing)("with a database", () => {
    let place: Place;
    let database: Database;
    let audited: NewAuditEntry[] = [];
    let logged: object[] = [];

    beforeAll(async () => {
      place = await make();
      database = openDatabase(place.handle);
      await migrateDatabase(database, { ...coreMigrations, ...vault({ keys: k1 }).migrations });
    });
    beforeEach(async () => {
      await secrets().deleteFrom("mcp_secrets").execute();
      audited = [];
      logged = [];
    });
    afterAll(async () => {
      await database.close();
      await place.remove();
    });

    const secrets = () => database.connection.withTables<{ mcp_secrets: SecretRow }>();

    const open = (keys: KeyRing | KeyProvider): Vault => {
      const context: PartContext = {
        database,
        clock: systemClock,
        ids: uuidV7,
        logger: { ...silentLogger, info: (details) => void logged.push(details) },
        leases: createLeaseStore(database, { owner: "host" }),
        hostId: "host",
        events: { async record() {}, async deliver() {} },
        audit: { record: async (entry) => void audited.push(entry) },
      };
      return vault({ keys }).create(context);
    };

    async function fill(count: number, keys: KeyRing = k1): Promise<void> {
      const safe = open(keys);
      for (let at = 0; at < count; at += 1) await put(safe, `S${at}`);
    }
    const put = (safe: Vault, name: string, value = `value of ${name}`) =>
      safe.put({ ownerId: "alice", scope: { kind: "owner" }, name, value });
    const read = async (safe: Vault, name: string) => {
      const environment = { X: `secret:${name}` };
      return (await safe.resolve({ ownerId: "alice", instanceId: "i", serverId: null, environment })).values
        .X;
    };
    const rows = () => secrets().selectFrom("mcp_secrets").selectAll().orderBy("name").execute();
    const audits = (action: string) =>
      audited
        .filter((entry) => entry.action === action)
        .map(({ subjectType, subjectId, outcome }) => `${subjectType} ${subjectId} ${outcome}`);
    const change = (name: string, by: Partial<SecretRow>) =>
      secrets().updateTable("mcp_secrets").set(by).where("name", "=", name).execute();

    it("are listed with their states and with the secrets that need each", async () => {
      await fill(3, k1);
      await put(open(`${k3},${k1}`), "S0");
      await put(open(generateKey("gone")), "LOST");
      expect(await open(`${k3},${k2},${k1}:retired`).keys()).toEqual([
        { keyId: "k3", state: "active", secrets: 1 },
        { keyId: "k2", state: "grace", secrets: 0 },
        { keyId: "k1", state: "retired", secrets: 2 },
        { keyId: "gone", state: "unknown", secrets: 1 },
      ]);
    });

    it("are counted once for a secret whose version before needs the same one, and for both otherwise", async () => {
      await fill(2, k1);
      const address = { ownerId: "alice", scope: { kind: "owner" }, value: "new value" } as const;
      await open(k1).rotate({ ...address, name: "S0", graceSeconds: 60 });
      await open(`${k2},${k1}`).rotate({ ...address, name: "S1", graceSeconds: 60 });
      await change("S1", { previous_key_id: "k1" });
      expect(await open(`${k2},${k1}`).keys()).toEqual([
        { keyId: "k2", state: "active", secrets: 1 },
        { keyId: "k1", state: "grace", secrets: 2 },
      ]);
    });

    it("of a provider without a list are the active one and those that secrets name", async () => {
      await fill(1, k1);
      const { keyIds: _, ...plain } = localKeyring(`${k3},${k2},${k1}`);
      expect((await open(plain).keys()).map(({ keyId, state }) => `${keyId} ${state}`)).toEqual([
        "k3 active",
        "k1 grace",
      ]);
    });

    it("change for every secret, whose value's ciphertext and metadata stay", async () => {
      await fill(25, k1);
      const before = await rows();
      const progress: RewrapResult[] = [];
      const onProgress = (result: RewrapResult) => void progress.push(result);
      const result = await open(`${k2},${k1}`).rewrap({ batchSize: 10, onProgress });
      expect(result).toEqual({ keyId: "k2", rewrapped: 25, remaining: 0, failed: 0 });
      expect(progress.at(-1)).toEqual(result);
      expect(progress.length).toBeGreaterThanOrEqual(3);
      expect(logged).toHaveLength(progress.length);
      const after = await rows();
      const kept = (row: SecretRow) => ({
        ...row,
        key_id: "",
        envelope: row.envelope.split(".").slice(4),
      });
      expect(after.map(kept)).toEqual(before.map(kept));
      expect(after.every(({ key_id, envelope }) => key_id === "k2" && envelope.includes(".k2."))).toBe(true);
      const onlyNew = open(k2);
      for (let at = 0; at < 25; at += 1) expect(await read(onlyNew, `S${at}`)).toBe(`value of S${at}`);
      expect(audits("secret.rewrap")).toEqual(["key k2 allowed"]);
    });

    it("change for the version before as well", async () => {
      await fill(1, k1);
      await open(k1).rotate({
        ownerId: "alice",
        scope: { kind: "owner" },
        name: "S0",
        value: "new value",
        graceSeconds: 60,
      });
      const [before] = await rows();
      expect(before?.previous_key_id).toBe("k1");
      expect(await open(`${k2},${k1}`).rewrap()).toMatchObject({ rewrapped: 1, remaining: 0, failed: 0 });
      const [after] = await rows();
      expect([after?.key_id, after?.previous_key_id]).toEqual(["k2", "k2"]);
      expect(after?.previous_envelope?.split(".").slice(4)).toEqual(
        before?.previous_envelope?.split(".").slice(4),
      );
      expect(await read(open(k2), "S0")).toBe("new value");
      expect(await open(k2).keys()).toEqual([{ keyId: "k2", state: "active", secrets: 1 }]);

      const { previous_envelope = null, previous_key_id = null } = before ?? {};
      await change("S0", { previous_envelope, previous_key_id });
      expect(await open(`${k2},${k1}`).rewrap()).toMatchObject({ rewrapped: 1, remaining: 0, failed: 0 });
      expect((await rows())[0]?.previous_key_id).toBe("k2");
    });

    it("are only counted in a dry run, which finds what would fail", async () => {
      await fill(4, k1);
      await put(open(generateKey("gone")), "LOST");
      const before = await rows();
      const safe = open(`${k2},${k1}`);
      expect(await safe.rewrap({ dryRun: true, batchSize: 2 })).toEqual({
        keyId: "k2",
        rewrapped: 0,
        remaining: 4,
        failed: 1,
      });
      expect(await rows()).toEqual(before);
      expect(audits("secret.rewrap")).toEqual(["key k2 allowed"]);
    });

    it("are left as they are where a secret does not open, which ends nothing and is audited", async () => {
      await fill(6, k1);
      await put(open(generateKey("k0")), "RETIRED");
      const [first] = await rows();
      await change("S3", { envelope: first?.envelope ?? "" });
      await change("S4", { envelope: "not an envelope" });
      const safe = open(`${k2},${k1},${generateKey("k0")}:retired`);
      expect(await safe.rewrap({ batchSize: 2 })).toEqual({
        keyId: "k2",
        rewrapped: 4,
        remaining: 0,
        failed: 3,
      });
      expect(audits("secret.rewrap").sort()).toEqual([
        "key k2 allowed",
        "secret RETIRED failed",
        "secret S3 failed",
        "secret S4 failed",
      ]);
      expect(JSON.stringify(audited)).not.toContain("value of");
      expect((await rows()).filter(({ key_id }) => key_id !== "k2").map(({ name }) => name)).toEqual([
        "RETIRED",
        "S3",
        "S4",
      ]);
    });

    it("do not move one version of a secret less because the other does not open", async () => {
      await fill(1, k1);
      await change("S0", { previous_envelope: "not an envelope", previous_key_id: "k1" });
      expect(await open(`${k2},${k1}`).rewrap()).toMatchObject({ rewrapped: 0, remaining: 0, failed: 1 });
      expect((await rows())[0]).toMatchObject({ key_id: "k2", previous_key_id: "k1" });
      expect(await read(open(k2), "S0")).toBe("value of S0");
    });

    it("leave a value alone that is stored while they change", async () => {
      await fill(12, k1);
      const ring = localKeyring(`${k2},${k1}`);
      const old = open(k1);
      let hasMet = false;
      const meeting: KeyProvider = {
        ...ring,
        async wrap(dataKey, context) {
          if (context.name === "S5" && !hasMet) {
            hasMet = true;
            await put(old, "S5", "stored in the middle");
          }
          return ring.wrap(dataKey, context);
        },
      };
      expect(await open(meeting).rewrap()).toEqual({ keyId: "k2", rewrapped: 11, remaining: 1, failed: 0 });
      expect(await read(open(`${k2},${k1}`), "S5")).toBe("stored in the middle");
      expect(await open(`${k2},${k1}`).rewrap()).toMatchObject({ rewrapped: 1, remaining: 0 });
      expect(await read(open(k2), "S5")).toBe("stored in the middle");
    });

    it("change once for each secret when several run at the same time", async () => {
      await fill(60, k1);
      const runs = [1, 2, 3].map(() => open(`${k2},${k1}`).rewrap({ batchSize: 7 }));
      const results = await Promise.all(runs);
      expect(results.reduce((sum, { rewrapped }) => sum + rewrapped, 0)).toBe(60);
      expect(results.map(({ remaining, failed }) => remaining + failed)).toEqual([0, 0, 0]);
      for (let at = 0; at < 60; at += 1) expect(await read(open(k2), `S${at}`)).toBe(`value of S${at}`);
    });

    it("stop changing when they are told to, and go on where they stopped", async () => {
      await fill(10, k1);
      const stop = new AbortController();
      const safe = open(`${k2},${k1}`);
      const reason = new Error("enough");
      const options = { batchSize: 3, signal: stop.signal, onProgress: () => stop.abort(reason) };
      await expect(safe.rewrap(options)).rejects.toBe(reason);
      expect(audits("secret.rewrap")).toEqual(["key k2 failed"]);
      const moved = (await rows()).filter(({ key_id }) => key_id === "k2").length;
      expect(moved).toBeGreaterThan(0);
      expect(moved).toBeLessThanOrEqual(3);
      await expect(safe.rewrap(options)).rejects.toBe(reason);
      expect(await safe.rewrap()).toMatchObject({ rewrapped: 10 - moved, remaining: 0 });
    });

    it("end a run with the provider's error when it is down, and lose nothing", async () => {
      await fill(10, k1);
      const ring = localKeyring(`${k2},${k1}`);
      let left = 6;
      const failing: KeyProvider = {
        ...ring,
        async unwrap(...call) {
          left -= 1;
          if (left < 0) throw new PlatformError("UPSTREAM_UNAVAILABLE", "down");
          return ring.unwrap(...call);
        },
      };
      await expect(open(failing).rewrap({ batchSize: 3 })).rejects.toMatchObject({
        code: "UPSTREAM_UNAVAILABLE",
      });
      expect(audits("secret.rewrap")).toEqual(["key k2 failed"]);
      expect(await open(`${k2},${k1}`).rewrap()).toMatchObject({ remaining: 0, failed: 0 });
      for (let at = 0; at < 10; at += 1) expect(await read(open(k2), `S${at}`)).toBe(`value of S${at}`);
    });

    it.each([
      { batchSize: 0 },
      { batchSize: 1.5 },
      { batchSize: 1001 },
      { dryRun: "yes" },
      { onProgress: 1 },
      { x: 1 },
    ])("refuse to change with %j", async (options) => {
      await expect(open(k1).rewrap(options as object)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    });

    describe("that shall be thrown away", () => {
      const refusal = async (keys: KeyRing, keyId: string) => {
        const error = await open(keys)
          .purgeKey(keyId)
          .then(
            () => undefined,
            (thrown: unknown) => thrown,
          );
        return isPlatformError(error) ? `${error.code} ${error.message}` : String(error);
      };

      it("are refused while a secret, or its version before, needs them", async () => {
        await fill(2, k1);
        const ring = `${k2},${k1}`;
        expect(await refusal(ring, "k1")).toMatch(/^CONFLICT .*"k1" is needed by 2 stored secrets/);
        await open(ring).rewrap();
        await change("S1", { previous_key_id: "k1", previous_envelope: "x" });
        expect(await refusal(ring, "k1")).toMatch(/^CONFLICT .* needed by 1 /);
        await change("S1", { previous_key_id: null, previous_envelope: null });
        await open(ring).purgeKey("k1");
        await open(`${k2},${k1}:retired`).purgeKey("k1");
        expect(audits("key.purge")).toEqual([
          "key k1 denied",
          "key k1 denied",
          "key k1 allowed",
          "key k1 allowed",
        ]);
      });

      it("are refused when they are retired or gone already, but needed", async () => {
        await fill(1, k1);
        expect(await refusal(`${k2},${k1}:retired`, "k1")).toMatch(/^CONFLICT .*open again/);
        expect(await refusal(k2, "k1")).toMatch(/^CONFLICT .*open again/);
      });

      it("are refused when they seal, are unknown, or are no ids", async () => {
        expect(await refusal(`${k2},${k1}`, "k2")).toMatch(/^CONFLICT .*the one that seals/);
        expect(await refusal(k2, "k9")).toBe('NOT_FOUND No master key with id "k9".');
        expect(await refusal(k2, "k 9")).toMatch(/^INVALID_INPUT/);
        expect(await refusal(k2, k2.slice(0, 70))).not.toContain(k2.slice(5, 20));
      });
    });
  });
});
