import { setTimeout as pause } from "node:timers/promises";
import { PlatformError, type Vault } from "@moorage/core";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import {
  codeOf,
  type House,
  inEveryHouse,
  inInstance,
  keys,
  LAUNCH,
  owned,
  SENTINEL,
  START,
  valuesOf,
  withoutValue,
} from "./house.test.ts";
import { type KeyProvider, localKeyring } from "./index.ts";
import { openValue } from "./seal.ts";
import { findSecret, type SecretRow } from "./secret-store.ts";
import { contextOf, placeOf } from "./secrets.ts";

const DAY_MS = 86_400_000;

async function rowOf(house: House, name = "TOKEN"): Promise<SecretRow> {
  const place = placeOf({ ownerId: "alice", scope: { kind: "owner" }, name });
  const row = await findSecret(house.database.connection, place);
  if (!row) throw new Error(`no row ${name}`);
  return row;
}

const resolved = (safe: Vault, name = "TOKEN") =>
  valuesOf(safe.resolve({ ...LAUNCH, environment: { A: `secret:${name}` } }));

/** A key provider that may be held up, or out of reach. */
function slowKeys(): KeyProvider & { onWrap: () => Promise<void> } {
  const inner = localKeyring(keys);
  const slow = {
    ...inner,
    onWrap: async () => {},
    wrap: async (...given: Parameters<KeyProvider["wrap"]>) => {
      await slow.onWrap();
      return inner.wrap(...given);
    },
  };
  return slow;
}

inEveryHouse("rotation", (home) => {
  it("gives an existing secret its next version, and keeps the one before for an hour", async () => {
    await home.safe.put(owned("TOKEN", "first"));
    home.house.time += DAY_MS;
    const rotated = await home.safe.rotate(owned("TOKEN"));
    expect(rotated).toEqual({
      ownerId: "alice",
      scope: { kind: "owner" },
      name: "TOKEN",
      hint: "alue",
      version: 2,
      keyId: "k1",
      createdAt: "2026-03-01T10:00:00.000Z",
      updatedAt: "2026-03-02T10:00:00.000Z",
      rotatedAt: "2026-03-02T10:00:00.000Z",
      expiresAt: "2026-05-31T10:00:00.000Z",
      previousUntil: "2026-03-02T11:00:00.000Z",
      lastUsedAt: null,
    });
    expect((await home.safe.list({})).items).toEqual([rotated]);
    expect(await resolved(home.safe)).toEqual({ A: SENTINEL });
  });

  it("keeps the version before sealed, for that purpose alone", async () => {
    await home.safe.put(owned("TOKEN", "first value"));
    await home.safe.rotate(owned("TOKEN", "second value"));
    const row = await rowOf(home.house);
    const options = { keys: localKeyring(keys), context: contextOf(row, "previous") };
    expect(await openValue(row.previous_envelope ?? "", options)).toBe("first value");
    expect(row.previous_key_id).toBe("k1");
    expect(await codeOf(openValue(row.envelope, options))).toBe("DECRYPT_FAILED");
    await sql`update ${sql.table("mcp_secrets")} set envelope = previous_envelope`.execute(
      home.house.database.connection,
    );
    expect(await codeOf(resolved(home.safe))).toBe("DECRYPT_FAILED");
  });

  it.each([
    ["no grace", 0, null],
    ["thirty days", 30 * 86_400, "2026-03-31T10:00:00.000Z"],
  ])("keeps it as long as it is told: %s", async (_, graceSeconds, previousUntil) => {
    await home.safe.put(owned("TOKEN", "first"));
    expect(await home.safe.rotate({ ...owned("TOKEN"), graceSeconds })).toMatchObject({ previousUntil });
    const { previous_envelope, previous_key_id } = await rowOf(home.house);
    expect([previous_envelope === null, previous_key_id === null]).toEqual(
      previousUntil === null ? [true, true] : [false, false],
    );
  });

  it("keeps one version before, and none after an ordinary put", async () => {
    await home.safe.put(owned("TOKEN", "first"));
    await home.safe.rotate(owned("TOKEN", "second"));
    await home.safe.rotate(owned("TOKEN", "third"));
    const row = await rowOf(home.house);
    const context = contextOf(row, "previous");
    expect(await openValue(row.previous_envelope ?? "", { keys: localKeyring(keys), context })).toBe(
      "second",
    );
    home.house.time += 1_000;
    const put = await home.safe.put(owned("TOKEN", "fourth"));
    expect(put).toMatchObject({ version: 4, previousUntil: null, rotatedAt: "2026-03-01T10:00:01.000Z" });
    expect(await rowOf(home.house)).toMatchObject({ previous_envelope: null, previous_key_id: null });
  });

  it("keeps the days that the secret has, unless it is told others", async () => {
    await home.safe.put({ ...owned("TOKEN"), rotateAfterDays: 30 });
    expect(await home.safe.rotate(owned("TOKEN"))).toMatchObject({ expiresAt: "2026-03-31T10:00:00.000Z" });
    const never = await home.safe.rotate({ ...owned("TOKEN"), rotateAfterDays: null });
    expect(never.expiresAt).toBeNull();
    expect((await home.safe.rotate(owned("TOKEN"))).expiresAt).toBeNull();
    expect(await home.safe.put(owned("TOKEN"))).toMatchObject({ expiresAt: "2026-05-30T10:00:00.000Z" });
  });

  it("lets two replicas rotate at the same time, one after the other", async () => {
    const replica = home.house.vault();
    await home.safe.put(owned("TOKEN", "first"));
    const values = ["a-value", "b-value"];
    const rotated = await Promise.all(
      values.map((value, at) => (at ? replica : home.safe).rotate(owned("TOKEN", value))),
    );
    expect(rotated.map(({ version }) => version).sort()).toEqual([2, 3]);
    const row = await rowOf(home.house);
    const last = (await resolved(home.safe)).A;
    const context = contextOf(row, "previous");
    const previous = await openValue(row.previous_envelope ?? "", { keys: localKeyring(keys), context });
    expect([previous, last].sort()).toEqual(values);
    const events = home.house.recorded.filter(({ type }) => type === "secret.rotated");
    expect(new Set(events.map(({ data }) => JSON.stringify(data))).size).toBe(2);
  });

  it("never loses one of many rotations and puts", async () => {
    await home.safe.put(owned("TOKEN", "first"));
    const work = Array.from({ length: 10 }, (_, at) =>
      at % 2 ? home.safe.put(owned("TOKEN", `v${at}`)) : home.safe.rotate(owned("TOKEN", `v${at}`)),
    );
    const versions = (await Promise.all(work)).map(({ version }) => version).sort((a, b) => a - b);
    expect(versions).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it("does not put back a secret that is removed meanwhile", async () => {
    const slow = slowKeys();
    const safe = home.house.vault({ keys: slow });
    await safe.put(owned("TOKEN", "first"));
    slow.onWrap = async () => {
      slow.onWrap = async () => {};
      await home.safe.remove(withoutValue(owned("TOKEN")));
    };
    expect(await codeOf(safe.rotate(owned("TOKEN", "second")))).toBe("NOT_FOUND");
    expect((await safe.list({})).items).toEqual([]);
  });

  it("gives up when others are always faster", async () => {
    const slow = slowKeys();
    const safe = home.house.vault({ keys: slow });
    await safe.put(owned("TOKEN", "first"));
    slow.onWrap = async () => {
      await sql`update ${sql.table("mcp_secrets")} set version = version + 1`.execute(
        home.house.database.connection,
      );
    };
    expect(await codeOf(safe.rotate(owned("TOKEN", "second")))).toBe("CONFLICT");
    expect(await resolved(home.safe)).toEqual({ A: "first" });
  });

  it("replaces a secret that does not open any more, of which nothing can be kept", async () => {
    await home.safe.put(owned("TOKEN", "first"));
    await sql`update ${sql.table("mcp_secrets")} set envelope = 'moorage1.secretbox.k0.x.x.x'`.execute(
      home.house.database.connection,
    );
    expect(await home.safe.rotate(owned("TOKEN"))).toMatchObject({ version: 2, previousUntil: null });
    expect(await resolved(home.safe)).toEqual({ A: SENTINEL });
  });

  it("changes nothing while the keys are out of reach", async () => {
    const slow = slowKeys();
    const safe = home.house.vault({ keys: slow });
    await safe.put(owned("TOKEN", "first"));
    slow.onWrap = () => Promise.reject(new PlatformError("UPSTREAM_UNAVAILABLE", "The key service is away."));
    expect(await codeOf(safe.rotate(owned("TOKEN")))).toBe("UPSTREAM_UNAVAILABLE");
    expect(await codeOf(safe.put(owned("TOKEN")))).toBe("UPSTREAM_UNAVAILABLE");
    expect(await resolved(home.safe)).toEqual({ A: "first" });
    expect((await home.house.audited()).filter(({ outcome }) => outcome === "failed")).toMatchObject([
      { action: "secret.rotate", subjectId: "TOKEN", ownerId: "alice", details: { scope: "owner" } },
      { action: "secret.write", subjectId: "TOKEN" },
    ]);
  });

  it("refuses to rotate what is not there", async () => {
    await home.safe.put(owned("TOKEN", "of bob", "bob"));
    await home.safe.put(inInstance("i-1", "TOKEN"));
    await expect(home.safe.rotate(owned("TOKEN"))).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: 'No secret with id "TOKEN".',
    });
    expect(home.house.recorded.some(({ type }) => type === "secret.rotated")).toBe(false);
  });

  it("tells of it in the same transaction, with who asked for it", async () => {
    await home.safe.put(owned("TOKEN", "first"), { actorId: "alice" });
    await home.safe.rotate({ ...owned("TOKEN"), graceSeconds: 60 }, { actorId: "admin" });
    const data = { scope: "owner", scopeId: null, name: "TOKEN", version: 2 };
    expect(home.house.recorded.at(-1)).toMatchObject({
      type: "secret.rotated",
      ownerId: "alice",
      data: { ...data, previousUntil: "2026-03-01T10:01:00.000Z" },
    });
    expect(await home.house.audited()).toMatchObject([
      { actorId: "alice", action: "secret.write", details: { version: 1, keyId: "k1" } },
      { actorId: "admin", action: "secret.rotate", details: { version: 2, keyId: "k1" } },
    ]);
    for (const broken of [{ canRecord: false }, { canAudit: false }]) {
      Object.assign(home.house, broken);
      await expect(home.safe.rotate(owned("TOKEN", "third"))).rejects.toThrow();
      Object.assign(home.house, { canRecord: true, canAudit: true });
    }
    expect(await resolved(home.safe)).toEqual({ A: SENTINEL });
  });

  it("joins a transaction that is open", async () => {
    await home.safe.put(owned("TOKEN", "first"));
    const work = home.house.database.transaction(async (connection) => {
      await home.safe.rotate(owned("TOKEN", "second"), { connection });
      await home.safe.rotate(owned("TOKEN", "third"), { connection });
      throw new Error("rolled back");
    });
    await expect(work).rejects.toThrow("rolled back");
    expect(await resolved(home.safe)).toEqual({ A: "first" });
    await home.house.database.transaction((connection) =>
      home.safe.rotate(owned("TOKEN", "second"), { connection }),
    );
    expect(await resolved(home.safe)).toEqual({ A: "second" });
  });

  it("goes on while an old version is being destroyed", async () => {
    await home.safe.put(owned("TOKEN", "v0"));
    for (let at = 1; at <= 5; at += 1) {
      const rotating = home.safe.rotate({ ...owned("TOKEN", `v${at}`), graceSeconds: 1 });
      home.house.time += 2_000;
      await Promise.all([rotating, home.safe.tend(), pause(1)]);
    }
    home.house.time += 2_000;
    await home.safe.tend();
    expect(await rowOf(home.house)).toMatchObject({ version: 6, previous_envelope: null });
    expect(await resolved(home.safe)).toEqual({ A: "v5" });
  });
});

inEveryHouse("rotation refuses before it does anything", (home) => {
  describe.each([
    ["a negative grace", { graceSeconds: -1 }, "graceSeconds"],
    ["a grace of more than thirty days", { graceSeconds: 30 * 86_400 + 1 }, "graceSeconds"],
    ["half a second", { graceSeconds: 0.5 }, "graceSeconds"],
    ["no days", { rotateAfterDays: 0 }, "rotateAfterDays"],
    ["days that are no number", { rotateAfterDays: "90" }, "rotateAfterDays"],
    ["more than ten years", { rotateAfterDays: 3_651 }, "rotateAfterDays"],
    ["an empty value", { value: "" }, "value"],
  ])("%s", (_, change, path) => {
    it(`names ${path}`, async () => {
      await home.safe.put(owned("TOKEN", "first"));
      const rotating = (async () => home.safe.rotate({ ...owned("TOKEN"), ...change } as never))();
      await expect(rotating).rejects.toMatchObject({
        code: "INVALID_INPUT",
        details: { issues: [{ path }] },
      });
      expect(await resolved(home.safe)).toEqual({ A: "first" });
      expect(home.house.time).toBe(START);
    });
  });
});
