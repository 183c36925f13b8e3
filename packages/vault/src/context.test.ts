import { isPlatformError } from "@moorage/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFields, type KeyContext, keyBinding, valueBinding } from "./context.ts";

const base: KeyContext = {
  algorithm: "secretbox",
  ownerId: "alice",
  scopeKind: "instance",
  scopeId: "i-1",
  name: "TOKEN",
  purpose: "value",
};
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("encodeFields", () => {
  it("writes each field as its length and its UTF-8", () => {
    expect(text(encodeFields(["ab", "", "é"]))).toBe("00000002616200000000" + "00000002c3a9");
  });

  it("tells apart what joining would confuse", () => {
    const lists = [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["a\0b", "c"], ["a", "b|c"], ["a:b", "c"]];
    expect(new Set(lists.map((list) => text(encodeFields(list)))).size).toBe(lists.length);
  });

  it("tells apart composed and decomposed letters", () => {
    expect(text(encodeFields(["\u00e9"]))).not.toBe(text(encodeFields(["e\u0301"])));
  });

  it("never gives the same bytes for two different lists", () => {
    const lists = fc.array(fc.string({ unit: "grapheme", maxLength: 4 }), { maxLength: 4 });
    fc.assert(
      fc.property(lists, lists, (one, other) => {
        const isSame = JSON.stringify(one) === JSON.stringify(other);
        expect(text(encodeFields(one)) === text(encodeFields(other))).toBe(isSame);
      }),
    );
  });

  it("refuses lone surrogates, which UTF-8 would make equal", () => {
    for (const field of ["\ud800", "a\udc00b"]) {
      expect(() => encodeFields([field])).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
      try {
        encodeFields([field]);
      } catch (error) {
        expect(isPlatformError(error, "INVALID_INPUT")).toBe(true);
      }
    }
  });
});

describe("bindings", () => {
  const changes: readonly Partial<KeyContext>[] = [
    {},
    { algorithm: "aes-256-gcm" },
    { ownerId: "bob" },
    { scopeKind: "server" },
    { scopeId: "i-2" },
    { name: "TOKEN2" },
    { purpose: "previous" },
  ];

  it("differ in every single member of the context", () => {
    const values = changes.map((change) => text(valueBinding({ ...base, ...change })));
    const keys = changes.map((change) => text(keyBinding("k1", { ...base, ...change })));
    expect(new Set([...values, ...keys]).size).toBe(2 * changes.length);
  });

  it("of a data key differ by the master key", () => {
    expect(text(keyBinding("k1", base))).not.toBe(text(keyBinding("k2", base)));
  });
});
