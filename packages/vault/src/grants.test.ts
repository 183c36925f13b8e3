import type { SecretInput, Vault } from "@moorage/core";
import { describe, expect, it } from "vitest";
import {
  codeOf,
  inEveryHouse,
  inInstance,
  LAUNCH,
  owned,
  SENTINEL,
  valuesOf,
  withoutValue,
} from "./house.test.ts";

const shared = withoutValue(inInstance("i-1", "KEY"));
const REFERENCE = "secret_ref:i-1:KEY";

/** What another instance of the same owner gets for a reference to `i-1`'s secret. */
const asOther = (safe: Vault, change: object = {}) =>
  valuesOf(safe.resolve({ ...LAUNCH, instanceId: "i-2", environment: { A: REFERENCE }, ...change }));

const times = async (count: number, work: () => Promise<unknown>) => {
  for (let at = 0; at < count; at += 1) await work();
};

inEveryHouse("grants", (home) => {
  it("let one other instance use an instance's secret, and no third one", async () => {
    await home.safe.put(inInstance("i-1", "KEY"));
    expect(await codeOf(asOther(home.safe))).toBe("NOT_FOUND");
    await home.safe.grant(shared, "i-2");
    expect(await asOther(home.safe)).toEqual({ A: SENTINEL });
    expect(await codeOf(asOther(home.safe, { instanceId: "i-3" }))).toBe("NOT_FOUND");
    expect(await codeOf(asOther(home.safe, { ownerId: "bob" }))).toBe("NOT_FOUND");
    const byName = { environment: { A: "secret:KEY" } };
    expect(await codeOf(asOther(home.safe, byName))).toBe("NOT_FOUND");
  });

  it("hold for one secret, not for all of the instance", async () => {
    await home.safe.put(inInstance("i-1", "KEY"));
    await home.safe.put(inInstance("i-1", "OTHER"));
    await home.safe.grant(shared, "i-2");
    const environment = { A: REFERENCE, B: "secret_ref:i-1:OTHER" };
    await expect(asOther(home.safe, { environment })).rejects.toMatchObject({
      details: { references: ["secret_ref:i-1:OTHER"] },
    });
  });

  it("end when they are revoked, which says whether there was one", async () => {
    await home.safe.put(inInstance("i-1", "KEY"));
    await home.safe.grant(shared, "i-2");
    await home.safe.grant(shared, "i-3");
    expect(await home.safe.revoke(shared, "i-2")).toBe(true);
    expect(await home.safe.revoke(shared, "i-2")).toBe(false);
    expect(await home.safe.revoke({ ...shared, name: "NOPE" }, "i-2")).toBe(false);
    expect(await codeOf(asOther(home.safe))).toBe("NOT_FOUND");
    expect(await asOther(home.safe, { instanceId: "i-3" })).toEqual({ A: SENTINEL });
  });

  it("may be given twice, also at once", async () => {
    await home.safe.put(inInstance("i-1", "KEY"));
    const replica = home.house.vault();
    await Promise.all([home.safe, replica, home.safe].map((safe) => safe.grant(shared, "i-2")));
    expect(await home.safe.usage(shared)).toMatchObject({ grantedTo: ["i-2"] });
  });

  it("outlive a rotation, and end with the secret", async () => {
    await home.safe.put(inInstance("i-1", "KEY"));
    await home.safe.grant(shared, "i-2");
    await home.safe.rotate(inInstance("i-1", "KEY", "second"));
    expect(await asOther(home.safe)).toEqual({ A: "second" });
    await home.safe.remove(shared);
    await home.safe.put(inInstance("i-1", "KEY", "another secret of the same name"));
    expect(await codeOf(asOther(home.safe))).toBe("NOT_FOUND");
    expect(await home.safe.usage(shared)).toMatchObject({ grantedTo: [] });
  });

  it("end with either of the two instances", async () => {
    const removed = (id: string) => home.safe.removeScope({ ownerId: "alice", kind: "instance", id });
    await home.safe.put(inInstance("i-1", "KEY"));
    await home.safe.put(inInstance("i-1", "KEY", "of bob", "bob"));
    await home.safe.grant(shared, "i-2");
    await home.safe.grant({ ...shared, ownerId: "bob" }, "i-2");
    expect(await removed("i-2")).toBe(0);
    expect((await home.safe.usage(shared)).grantedTo).toEqual([]);
    expect((await home.safe.usage({ ...shared, ownerId: "bob" })).grantedTo).toEqual(["i-2"]);
    await home.safe.grant(shared, "i-2");
    expect(await removed("i-1")).toBe(1);
    expect(JSON.parse(await home.house.rows())[1]).toMatchObject([{ owner_id: "bob" }]);
  });

  it("never outlive a secret that is removed at the same time", async () => {
    const replica = home.house.vault();
    await times(15, async () => {
      await home.safe.put(inInstance("i-1", "KEY"));
      const granting = replica.grant(shared, "i-2").catch(() => undefined);
      await Promise.all([granting, home.safe.remove(shared)]);
      expect(JSON.parse(await home.house.rows())[1]).toEqual([]);
    });
  });

  it("join a transaction that is open", async () => {
    await home.safe.put(inInstance("i-1", "KEY"));
    const work = home.house.database.transaction(async (connection) => {
      await home.safe.grant(shared, "i-2", { connection });
      throw new Error("rolled back");
    });
    await expect(work).rejects.toThrow("rolled back");
    expect((await home.safe.usage(shared)).grantedTo).toEqual([]);
    expect((await home.house.audited()).map(({ action }) => action)).toEqual(["secret.write"]);
  });

  it("are in the audit, with who gave and who took them", async () => {
    await home.safe.put(inInstance("i-1", "KEY"));
    await home.safe.grant(shared, "i-2", { actorId: "alice" });
    await home.safe.revoke(shared, "i-2", { actorId: "admin" });
    await home.safe.revoke(shared, "i-2", { actorId: "admin" });
    const details = { scope: "instance", scopeId: "i-1", toInstanceId: "i-2" };
    expect((await home.house.audited()).slice(1)).toEqual([
      {
        actorId: "alice",
        ownerId: "alice",
        action: "secret.grant",
        subjectType: "secret",
        subjectId: "KEY",
        outcome: "allowed",
        details,
      },
      expect.objectContaining({ actorId: "admin", action: "secret.revoke", details }),
    ]);
  });

  it("tell in the usage of a secret who has it and when it was opened", async () => {
    const stored = await home.safe.put(inInstance("i-1", "KEY"));
    expect(await home.safe.usage(shared)).toEqual({ secret: stored, grantedTo: [], lastUsedAt: null });
    await home.safe.grant(shared, "i-3");
    await home.safe.grant(shared, "i-2");
    await asOther(home.safe);
    expect(await home.safe.usage(shared)).toMatchObject({
      grantedTo: ["i-2", "i-3"],
      lastUsedAt: "2026-03-01T10:00:00.000Z",
    });
    expect(await codeOf(home.safe.usage({ ...shared, ownerId: "bob" }))).toBe("NOT_FOUND");
  });

  describe("are refused", () => {
    const bad: [string, SecretInput, string, string][] = [
      ["for a secret of the owner at large", owned("KEY"), "i-2", "INVALID_INPUT"],
      [
        "for a server's secret",
        { ...owned("KEY"), scope: { kind: "server", id: "s-1" } },
        "i-2",
        "INVALID_INPUT",
      ],
      ["to the secret's own instance", inInstance("i-1", "KEY"), "i-1", "INVALID_INPUT"],
      ["to nobody", inInstance("i-1", "KEY"), "", "INVALID_INPUT"],
      ["for a name that is none", inInstance("i-1", "K-Y"), "i-2", "INVALID_INPUT"],
      ["for a secret that there is not", inInstance("i-1", "NOPE"), "i-2", "NOT_FOUND"],
      ["for another owner's secret", inInstance("i-1", "KEY", SENTINEL, "bob"), "i-2", "NOT_FOUND"],
    ];
    it.each(bad)("%s", async (_, secret, toInstanceId, code) => {
      await home.safe.put(owned("KEY"));
      await home.safe.put(inInstance("i-1", "KEY"));
      expect(await codeOf(home.safe.grant(withoutValue(secret), toInstanceId))).toBe(code);
      expect(JSON.parse(await home.house.rows())[1]).toEqual([]);
    });
  });
});
