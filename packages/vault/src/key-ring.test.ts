import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { isPlatformError } from "@moorage/core";
import { describe, expect, it } from "vitest";
import { ALGORITHMS } from "./cipher.ts";
import type { KeyContext } from "./context.ts";
import { generateKey, type KeyRing, localKeyring } from "./key-ring.ts";

const context: KeyContext = {
  algorithm: "secretbox",
  ownerId: "alice",
  scopeKind: "owner",
  scopeId: "",
  name: "TOKEN",
  purpose: "value",
};

function refusal(ring: unknown): string {
  try {
    localKeyring(ring as KeyRing);
  } catch (error) {
    if (!isPlatformError(error, "INVALID_INPUT")) throw error;
    return `${error.message} ${JSON.stringify(error.details)}`;
  }
  throw new Error("was not refused");
}

describe("generateKey", () => {
  it("makes an entry that a key ring takes, another one each time", async () => {
    const [one, other] = [generateKey(), generateKey("k2")];
    expect(one).toMatch(/^k1:[A-Za-z0-9+/]{43}=$/);
    expect(other).toMatch(/^k2:/);
    expect(one.slice(3)).not.toBe(other.slice(3));
    expect(await localKeyring(`${other},${one}`).currentKeyId()).toBe("k2");
  });

  it("refuses an id that could not stand in an envelope", () => {
    expect(() => generateKey("a.b")).toThrow(/key id/);
  });
});

describe("localKeyring", () => {
  const raw = randomBytes(32);

  it("takes base64, base64url, without padding, with spaces around, and bytes", async () => {
    const { wrapped } = await localKeyring([{ id: "k1", key: raw }]).wrap(randomBytes(32), context);
    const rings: readonly KeyRing[] = [
      `k1:${raw.toString("base64")}`,
      `k1:${raw.toString("base64url")}`,
      ` k1:${raw.toString("base64").replace("=", "")} \n`,
      [{ id: "k1", key: raw.toString("base64") }],
    ];
    for (const ring of rings) {
      expect(await localKeyring(ring).unwrap("k1", wrapped, context)).toHaveLength(32);
    }
  });

  it("wraps with the first key and unwraps with every one", async () => {
    const [old, young] = [generateKey("k1"), generateKey("k2")];
    const dataKey = randomBytes(32);
    const before = await localKeyring(old).wrap(dataKey, context);
    const ring = localKeyring(`${young},${old}`);
    expect(before.keyId).toBe("k1");
    expect((await ring.wrap(dataKey, context)).keyId).toBe("k2");
    expect(Buffer.from(await ring.unwrap("k1", before.wrapped, context))).toEqual(dataKey);
  });

  it("tells the state of each key", async () => {
    const ring = localKeyring(`${generateKey("k2")},${generateKey("k1")}`);
    expect(await Promise.all(["k2", "k1", "k0", "__proto__"].map((id) => ring.keyState(id)))).toEqual([
      "active",
      "grace",
      "unknown",
      "unknown",
    ]);
  });

  it("lists its keys in their order", async () => {
    const ring = localKeyring(`${generateKey("k2")},${generateKey("k0")}:retired,${generateKey("k1")}`);
    expect(await ring.keyIds?.()).toEqual(["k2", "k0", "k1"]);
  });

  it("opens nothing with a retired key, in the same words as with an unknown one", async () => {
    const [old, young] = [generateKey("k1"), generateKey("k2")];
    const { wrapped } = await localKeyring(old).wrap(raw, context);
    const rings: readonly KeyRing[] = [
      `${young},${old}:retired`,
      [
        { id: "k2", key: young.slice(3) },
        { id: "k1", key: old.slice(3), state: "retired" },
      ],
    ];
    for (const ring of rings) {
      const keys = localKeyring(ring);
      expect(await keys.keyState("k1")).toBe("retired");
      expect(await keys.currentKeyId()).toBe("k2");
      const messageOf = (keyId: string) =>
        keys.unwrap(keyId, wrapped, context).then(
          () => "it opened",
          (error: unknown) => String(error),
        );
      expect(await messageOf("k1")).toBe(await messageOf("k9"));
    }
    expect(await localKeyring(`${young},${old}`).unwrap("k1", wrapped, context)).toHaveLength(32);
  });

  it.each(ALGORITHMS)(
    "binds a data key wrapped under %s to its context and its master key",
    async (algorithm) => {
      const [first, second] = [generateKey("k1").slice(3), generateKey("k2").slice(3)];
      const own = { ...context, algorithm };
      const { wrapped } = await localKeyring(`k1:${first}`).wrap(randomBytes(32), own);
      const ring = localKeyring(`k2:${second},k1:${first}`);
      expect(await ring.unwrap("k1", wrapped, own)).toHaveLength(32);
      await expect(ring.unwrap("k1", wrapped, { ...own, ownerId: "bob" })).rejects.toThrow();
      await expect(ring.unwrap("k2", wrapped, own)).rejects.toThrow();
      await expect(ring.unwrap("k0", wrapped, own)).rejects.toThrow();
      // The same bytes under another id: the id is part of what the data key is bound to.
      await expect(localKeyring(`k9:${first}`).unwrap("k9", wrapped, own)).rejects.toThrow();
    },
  );

  it("does not notice when its caller wipes the bytes it was made of", async () => {
    const key = randomBytes(32);
    const ring = localKeyring([{ id: "k1", key }]);
    const { wrapped } = await ring.wrap(raw, context);
    key.fill(0);
    expect(Buffer.from(await ring.unwrap("k1", wrapped, context))).toEqual(raw);
  });

  it("shows no key when it is printed", () => {
    const ring = localKeyring([{ id: "k1", key: raw }]);
    expect(inspect(ring, { depth: 9, showHidden: true })).not.toContain(raw.toString("base64"));
    expect(JSON.stringify(ring)).toBe("{}");
  });
});

describe("a key ring is refused", () => {
  const good = generateKey().slice(3);
  const passphrase = "correct horse battery staple 123";
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ["when it is empty", "", /empty/],
    ["when it has no entries", [], /empty/],
    ["when a key has 16 bytes", `k1:${randomBytes(16).toString("base64")}`, /Key 1 of 1 has 16 bytes/],
    ["when a key has 33 bytes", `k1:${randomBytes(33).toString("base64")}`, /has 33 bytes/],
    ["when a key is all zeros", `k1:${Buffer.alloc(32).toString("base64")}`, /all zeros/],
    ["when bytes are all zeros", [{ id: "k1", key: new Uint8Array(32) }], /all zeros/],
    ["when an id is there twice", `k1:${good},k2:${generateKey().slice(3)},k1:${good}`, /1 and 3 .*same id/],
    ["when a key is a passphrase", `k1:${passphrase}`, /not base64/],
    ["when a key is an encoded passphrase", `k1:${Buffer.from(passphrase).toString("base64")}`, /not random/],
    ["when a key is hex", `k1:${Buffer.from(good, "base64").toString("hex")}`, /has 48 bytes/],
    ["when an entry has no id", good, /not of the form/],
    ["when an entry has three parts", `k1:k2:${good}`, /not of the form/],
    ["when the state is another one", `k1:${good},k2:${good}:grace`, /Key 2 of 2 is not of the form/],
    ["when an entry has four parts", `k1:${good}:retired:x`, /Key 1 of 1 is not of the form/],
    ["when its first key is retired", `k1:${good}:retired,k2:${good}`, /Key 1 .* is retired/],
    ["when all of it is retired", [{ id: "k1", key: good, state: "retired" }], /Key 1 .* is retired/],
    ["when a retired key is none", `k1:${good},k2:abc:retired`, /Key 2 of 2 has 2 bytes/],
    ["when an entry of an array has another state", [{ id: "k1", key: good, state: "grace" }], /state/],
    ["when a comma is left over", `k1:${good},`, /Key 2 of 2 is not of the form/],
    ["when id and key are swapped", `${good.replace("=", "")}:k1`, /Key 1 of 1/],
    ["when an id has a dot", `k.1:${good}`, /has an id/],
    ["when an id is too long", `${"k".repeat(65)}:${good}`, /has an id/],
    ["when the key is missing", `k1:`, /not base64/],
    ["when padding stands inside", `k1:${good.slice(0, 20)}=${good.slice(20)}`, /not base64/],
    ["when an entry of an array has no id", [{ key: good }], /id/],
    ["when an entry of an array is a text", [`k1:${good}`], /key ring/],
    ["when it is a number", 7, /key ring/],
  ];

  it.each(cases)("%s", (_, ring, message) => {
    const text = refusal(ring);
    expect(text).toMatch(message);
    for (const secret of [good.replace("=", ""), passphrase, Buffer.from(passphrase).toString("base64")]) {
      expect(text).not.toContain(secret);
    }
  });
});
