import { describe, expect, it } from "vitest";
import { cipherOf } from "./cipher.ts";

// From testvectors_v1/aes_gcm_test.json of https://github.com/C2SP/wycheproof, by their tcId; no associated data.
const special = {
  key: "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f",
  vectors: [
    {
      id: 128,
      nonce: "000000000000000000000000",
      text: "561008fa07a68f5c61285cd013464eaf",
      encrypted: "23293e9b07ca7d1b0cae7cc489a973b3",
      tag: "ffffffffffffffffffffffffffffffff",
    },
    {
      id: 129,
      nonce: "ffffffffffffffffffffffff",
      text: "c6152244cea1978d3e0bc274cf8c0b3b",
      encrypted: "7cb6fc7c6abc009efe9551a99f36a421",
      tag: "00000000000000000000000000000000",
    },
  ],
};

/** One ciphertext with tags that are nearly the right one, or that weak checks let pass. */
const forged = {
  key: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
  nonce: "505152535455565758595a5b",
  encrypted: "b2061457c0759fc1749f174ee1ccadfa",
  tags: [
    { id: 130, comment: "flipped bit 0", tag: "9de8fef6d8ab1bf1bf887232eab590dd" },
    { id: 137, comment: "flipped bit 63", tag: "9ce8fef6d8ab1b71bf887232eab590dd" },
    { id: 148, comment: "flipped bit 127", tag: "9ce8fef6d8ab1bf1bf887232eab5905d" },
    { id: 149, comment: "flipped bits 0 and 64", tag: "9de8fef6d8ab1bf1be887232eab590dd" },
    { id: 151, comment: "flipped bits 63 and 127", tag: "9ce8fef6d8ab1b71bf887232eab5905d" },
    { id: 152, comment: "all bits flipped", tag: "631701092754e40e40778dcd154a6f22" },
    { id: 153, comment: "all zero", tag: "00000000000000000000000000000000" },
    { id: 154, comment: "all one", tag: "ffffffffffffffffffffffffffffffff" },
    { id: 155, comment: "highest bits changed", tag: "1c687e76582b9b713f08f2b26a35105d" },
    { id: 156, comment: "lowest bits changed", tag: "9de9fff7d9aa1af0be897333ebb491dc" },
  ],
};

const hex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));
const cipher = cipherOf("aes-256-gcm");

describe("aes-256-gcm agrees with Wycheproof", () => {
  it.each(special.vectors)("in case $id, whose tag is all ones or zeros", (vector) => {
    const input = { key: hex(special.key), nonce: hex(vector.nonce), associated: hex("") };
    const encrypted = hex(vector.encrypted + vector.tag);
    expect(Buffer.from(cipher.encrypt({ ...input, data: hex(vector.text) }))).toEqual(Buffer.from(encrypted));
    expect(Buffer.from(cipher.decrypt({ ...input, data: encrypted }) ?? []).toString("hex")).toBe(
      vector.text,
    );
  });

  it.each(forged.tags)("in refusing case $id: $comment", ({ tag }) => {
    const input = { key: hex(forged.key), nonce: hex(forged.nonce), associated: hex("") };
    expect(cipher.decrypt({ ...input, data: hex(forged.encrypted + tag) })).toBeNull();
  });

  it("in taking the true tag of the forged cases", () => {
    const input = { key: hex(forged.key), nonce: hex(forged.nonce), associated: hex("") };
    const data = hex(`${forged.encrypted}9ce8fef6d8ab1bf1bf887232eab590dd`);
    expect(Buffer.from(cipher.decrypt({ ...input, data }) ?? []).toString("hex")).toBe(
      "202122232425262728292a2b2c2d2e2f",
    );
  });
});
