import { PlatformError } from "@moorage/core";
import fc from "fast-check";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import {
  codeOf,
  inEveryHouse,
  inInstance,
  keys,
  LAUNCH,
  owned,
  SENTINEL,
  valuesOf,
  withoutValue,
} from "./house.test.ts";
import { generateKey, localKeyring } from "./key-ring.ts";
import { openValue, sealValue } from "./seal.ts";
import { contextOf, type SecretPurpose } from "./secrets.ts";

const inServer = (name: string, value: string, ownerId = "alice") => ({
  ...owned(name, value, ownerId),
  scope: { kind: "server" as const, id: "s-1" },
});

inEveryHouse("a reference", (home) => {
  const resolve = (environment: Record<string, string>, change: object = {}) =>
    home.safe.resolve({ ...LAUNCH, environment, ...change });

  it("by name means the instance's secret, else its server's, else its owner's", async () => {
    const found = async () => (await resolve({ A: "secret:TOKEN" })).values.A;
    await home.safe.put(owned("TOKEN", "of the owner"));
    expect(await found()).toBe("of the owner");
    await home.safe.put(inServer("TOKEN", "of the server"));
    expect(await found()).toBe("of the server");
    await home.safe.put(inInstance("i-1", "TOKEN", "of the instance"));
    expect(await found()).toBe("of the instance");
    const elsewhere = resolve({ A: "secret:TOKEN" }, { instanceId: "i-2", serverId: "s-2" });
    expect(await valuesOf(elsewhere)).toEqual({ A: "of the owner" });
    const withoutServer = resolve({ A: "secret:TOKEN" }, { instanceId: "i-2", serverId: null });
    expect(await valuesOf(withoutServer)).toEqual({ A: "of the owner" });
  });

  it("to an instance's secret means no other of that name", async () => {
    await home.safe.put(owned("TOKEN"));
    await home.safe.put(inServer("TOKEN", "of the server"));
    expect(await codeOf(resolve({ A: "secret_ref:i-1:TOKEN" }))).toBe("NOT_FOUND");
  });

  it("does not reach another owner's server secret", async () => {
    await home.safe.put(inServer("TOKEN", "of bob", "bob"));
    expect(await codeOf(resolve({ A: "secret:TOKEN" }))).toBe("NOT_FOUND");
  });

  it("makes its variable's name known as a secret's", async () => {
    await home.safe.put(owned("TOKEN"));
    await home.safe.put(inInstance("i-1", "KEY", "value"));
    const environment = {
      A: "secret:TOKEN",
      B: "plain",
      C: "secret_ref:i-1:KEY",
      D: "secret:TOKEN",
      E: SENTINEL,
    };
    expect((await resolve(environment)).secretNames).toEqual(["A", "C", "D"]);
    expect(await resolve({ B: "plain" })).toEqual({ values: { B: "plain" }, secretNames: [] });
  });

  it("works for hundreds of variables, asked for in one query", async () => {
    const names = Array.from({ length: 300 }, (_, at) => `S${at}`);
    await home.house.database.transaction(async (connection) => {
      for (const name of names) await home.safe.put(owned(name, `value of ${name}`), { connection });
    });
    const { values } = await resolve(Object.fromEntries(names.map((name) => [name, `secret:${name}`])));
    expect(values).toEqual(Object.fromEntries(names.map((name) => [name, `value of ${name}`])));
    expect((await home.house.audited()).filter(({ action }) => action === "secret.open")).toHaveLength(300);
  });

  it("that is opened is in the audit, once for each secret", async () => {
    await home.safe.put(owned("TOKEN"));
    await home.safe.put(inInstance("i-1", "KEY", "value"));
    await home.safe.rotate(inInstance("i-1", "KEY", "second value"));
    await resolve({ A: "secret:TOKEN", B: "secret:KEY", C: "secret_ref:i-1:KEY", D: "secret:TOKEN" });
    const opened = (await home.house.audited()).filter(({ action }) => action === "secret.open");
    expect(opened).toHaveLength(2);
    expect(opened).toContainEqual({
      actorId: null,
      ownerId: "alice",
      action: "secret.open",
      subjectType: "secret",
      subjectId: "KEY",
      outcome: "allowed",
      details: {
        scope: "instance",
        scopeId: "i-1",
        instanceId: "i-1",
        purpose: "launch",
        version: 2,
        keyId: "k1",
      },
    });
    expect(JSON.stringify(await home.house.audited())).not.toMatch(/sentinel|value/);
  });

  it("that fails or is not allowed is in the audit as well, and one to nothing is not", async () => {
    await home.safe.put(owned("GOOD"));
    await home.house.vault({ keys: generateKey("k9") }).put(owned("BAD"));
    await home.safe.put(inInstance("i-2", "THEIRS"));
    const outcomes = async () =>
      (await home.house.audited())
        .filter(({ action }) => action === "secret.open")
        .map(({ subjectId, outcome }) => `${subjectId} ${outcome}`)
        .sort();
    expect(await codeOf(resolve({ A: "secret:GOOD", B: "secret_ref:i-2:THEIRS", C: "secret:NOPE" }))).toBe(
      "NOT_FOUND",
    );
    expect(await outcomes()).toEqual(["THEIRS denied"]);
    expect(await codeOf(resolve({ A: "secret:GOOD", B: "secret:BAD" }))).toBe("DECRYPT_FAILED");
    expect(await outcomes()).toEqual(["BAD failed", "GOOD allowed", "THEIRS denied"]);
  });

  it("is not handed out when the audit cannot be written", async () => {
    await home.safe.put(owned("TOKEN"));
    home.house.canAudit = false;
    await expect(resolve({ A: "secret:TOKEN" })).rejects.toThrow("no audit entry");
    home.house.canAudit = true;
    expect((await home.safe.usage(withoutValue(owned("TOKEN")))).lastUsedAt).toBeNull();
  });

  it("passes on that the keys are out of reach, so that the start may be tried again", async () => {
    await home.safe.put(owned("TOKEN"));
    const away = new PlatformError("UPSTREAM_UNAVAILABLE", "The key service is away.");
    const service = { ...localKeyring(keys), unwrap: () => Promise.reject(away) };
    const resolving = home.house
      .vault({ keys: service })
      .resolve({ ...LAUNCH, environment: { A: "secret:TOKEN" } });
    await expect(resolving).rejects.toBe(away);
    expect((await home.house.audited()).at(-1)).toMatchObject({ action: "secret.open", outcome: "failed" });
  });

  it("needs to know the server, or that there is none", async () => {
    const { serverId: _, ...target } = LAUNCH;
    const incomplete = { ...target, environment: {} } as never;
    expect(await codeOf(home.safe.resolve(incomplete))).toBe("INVALID_INPUT");
  });

  it("opens in no other place, and not the version before in place of the current one", async () => {
    const scope = fc.oneof(
      fc.constant({ kind: "owner" as const }),
      fc.record({
        kind: fc.constantFrom("instance" as const, "server" as const),
        id: fc.constantFrom("a", "b", "ab"),
      }),
    );
    const address = fc.record({
      ownerId: fc.constantFrom("alice", "bob", "a"),
      scope,
      name: fc.constantFrom("A", "B", "AB"),
    });
    const { connection } = home.house.database;
    const target = fc.option(address, { nil: undefined, freq: 3 });
    const property = fc.asyncProperty(address, target, fc.boolean(), async (from, other, isVersionBefore) => {
      await home.house.clear();
      const to = other ?? from;
      const isPrevious = isVersionBefore || JSON.stringify(from) === JSON.stringify(to);
      await home.safe.put({ ...to, value: "of its own" });
      await home.safe.put({ ...from, value: SENTINEL });
      await home.safe.rotate({ ...from, value: "second" });
      const column = sql.ref(isPrevious ? "previous_envelope" : "envelope");
      const place = (at: typeof from) => sql`owner_id = ${at.ownerId} and scope = ${at.scope.kind}
        and scope_id = ${"id" in at.scope ? at.scope.id : ""} and name = ${at.name}`;
      await sql`update ${sql.table("mcp_secrets")} set envelope = (
        select ${column} from ${sql.table("mcp_secrets")} where ${place(from)}) where ${place(to)}`.execute(
        connection,
      );
      // Nothing but the changed place can be meant: an instance's own secret would come before its server's.
      const instanceId = to.scope.kind === "instance" ? to.scope.id : "another";
      const serverId = to.scope.kind === "server" ? to.scope.id : "another";
      const environment = { A: `secret:${to.name}` };
      const opening = home.safe.resolve({ ownerId: to.ownerId, instanceId, serverId, environment });
      expect(await codeOf(opening)).toBe("DECRYPT_FAILED");
    });
    await fc.assert(property, { numRuns: 60 });
  });
});

describe("what a sealed text is bound to", () => {
  const text = fc.string({ minLength: 0, maxLength: 4, unit: fc.constantFrom("a", "b", ":", "\u0001", "é") });
  const place = fc.record({ owner_id: text, scope: text, scope_id: text, name: text });
  const purposes = fc.constantFrom<SecretPurpose>("value", "previous");
  const ring = localKeyring(keys);

  it("is the whole place and its purpose: one other member, and it does not open", async () => {
    const property = fc.asyncProperty(
      place,
      purposes,
      place,
      purposes,
      async (one, purpose, other, second) => {
        const { envelope } = await sealValue(SENTINEL, {
          keys: ring,
          algorithm: "secretbox",
          context: contextOf(one, purpose),
        });
        const isSame = JSON.stringify([one, purpose]) === JSON.stringify([other, second]);
        const opening = openValue(envelope, { keys: ring, context: contextOf(other, second) });
        expect(await opening.catch(() => null)).toBe(isSame ? SENTINEL : null);
        const opened = await openValue(envelope, { keys: ring, context: contextOf({ ...one }, purpose) });
        expect(opened).toBe(SENTINEL);
      },
    );
    await fc.assert(property, { numRuns: 150 });
  });
});
