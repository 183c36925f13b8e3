import { describe, expect, it } from "vitest";
import { decryptBound, deriveKey, encryptBound } from "./bound-cipher.ts";
import { ALGORITHMS, cipherOf } from "./cipher.ts";

const bytes = (text: string) => Buffer.from(text, "utf8");

describe("deriveKey", () => {
  it("agrees with RFC 5869, test case A.1", () => {
    const key = Buffer.alloc(22, 0x0b);
    const salt = Buffer.from("000102030405060708090a0b0c", "hex");
    const info = Buffer.from("f0f1f2f3f4f5f6f7f8f9", "hex");
    expect(Buffer.from(deriveKey(key, { salt, info }, 42)).toString("hex")).toBe(
      "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    );
  });

  it("agrees with RFC 5869, test case A.2, whose inputs are long", () => {
    const range = (from: number, to: number) =>
      Buffer.from(Array.from({ length: to - from }, (_, at) => from + at));
    const okm = deriveKey(range(0x00, 0x50), { salt: range(0x60, 0xb0), info: range(0xb0, 0x100) }, 82);
    expect(Buffer.from(okm).toString("hex")).toBe(
      "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09" +
        "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    );
  });
});

describe.each(ALGORITHMS)("%s, bound to a context", (algorithm) => {
  const key = Buffer.alloc(32, 7);
  const nonce = Buffer.alloc(cipherOf(algorithm).nonceBytes, 9);
  const binding = bytes("the right context");
  const box = { algorithm, key, nonce, binding };
  const data = encryptBound({ ...box, data: bytes("attack at dawn") });

  it("opens under the same key, nonce and binding", () => {
    expect(Buffer.from(decryptBound({ ...box, data }) ?? []).toString()).toBe("attack at dawn");
  });

  it("does not open under another binding, although nothing else differs", () => {
    expect(decryptBound({ ...box, data, binding: bytes("the wrong context") })).toBeNull();
    expect(decryptBound({ ...box, data, binding: bytes("") })).toBeNull();
  });

  it("does not open under another key or another nonce", () => {
    expect(decryptBound({ ...box, data, key: Buffer.alloc(32, 8) })).toBeNull();
    expect(decryptBound({ ...box, data, nonce: Buffer.alloc(nonce.length, 8) })).toBeNull();
  });

  it("answers a nonce of the wrong length like any other wrong nonce", () => {
    expect(decryptBound({ ...box, data, nonce: nonce.subarray(1) })).toBeNull();
    expect(decryptBound({ ...box, data, nonce: Buffer.alloc(0) })).toBeNull();
  });

  it("binds by the sub-key, so that the binding holds without authenticated data too", () => {
    const unbound = cipherOf(algorithm).decrypt({ key, nonce, associated: binding, data });
    expect(unbound).toBeNull();
  });

  it("takes a binding that is longer than what HKDF takes as info", () => {
    const long = Buffer.alloc(5_000, 1);
    const sealed = encryptBound({ ...box, binding: long, data: bytes("x") });
    expect(decryptBound({ ...box, binding: long, data: sealed })).not.toBeNull();
  });
});
