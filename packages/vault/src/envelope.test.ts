import { describe, expect, it } from "vitest";
import { type Envelope, formatEnvelope, parseEnvelope } from "./envelope.ts";

const envelope: Envelope = {
  algorithm: "secretbox",
  keyId: "k1",
  wrappedKey: Uint8Array.of(0xfb, 0xff),
  nonce: Uint8Array.of(1, 2, 3),
  ciphertext: Uint8Array.of(255),
};
const TEXT = "moorage1.secretbox.k1.-_8.AQID._w";

describe("an envelope", () => {
  it("is one line of six fields, the binary ones in base64url", () => {
    expect(formatEnvelope(envelope)).toBe(TEXT);
  });

  it("is read back as it was written", () => {
    const parsed = parseEnvelope(TEXT);
    expect(parsed && formatEnvelope(parsed)).toBe(TEXT);
    expect(parsed).toMatchObject({ algorithm: "secretbox", keyId: "k1" });
  });

  it.each([
    ["another version", TEXT.replace("moorage1", "moorage2")],
    ["an unknown algorithm", TEXT.replace("secretbox", "rot13")],
    ["an algorithm in capitals", TEXT.replace("secretbox", "SECRETBOX")],
    ["an empty key id", TEXT.replace(".k1.", "..")],
    ["a key id with other characters", TEXT.replace(".k1.", ".k 1.")],
    ["an empty field", TEXT.replace(".AQID.", "..")],
    ["a field too few", TEXT.slice(0, TEXT.lastIndexOf("."))],
    ["a field too many", `${TEXT}.AA`],
    ["padding", `${TEXT}==`],
    ["white space", ` ${TEXT}`],
    ["a line break", `${TEXT}\n`],
    ["base64 in place of base64url", TEXT.replace("-_8", "+/8")],
    ["spare bits that are not zero", TEXT.replace("-_8", "-_9")],
    ["nothing", ""],
  ])("with %s is not read", (_, text) => {
    expect(parseEnvelope(text)).toBeNull();
  });

  it("is not made for a key id that would not be read back", () => {
    for (const keyId of ["", "arn:aws:kms:key/1", "k.1", "k".repeat(65)]) {
      expect(() => formatEnvelope({ ...envelope, keyId })).toThrow(/key provider/);
    }
  });
});
