import { describe, expect, it } from "vitest";
import { ALGORITHMS, type Algorithm, cipherOf, isAlgorithm } from "./cipher.ts";

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));

interface Vector {
  readonly algorithm: Algorithm;
  readonly source: string;
  readonly input: Readonly<Record<"key" | "nonce" | "associated" | "data", Uint8Array>>;
  readonly encrypted: Uint8Array;
}

const vectors: readonly Vector[] = [
  {
    algorithm: "secretbox",
    source: "NaCl tests/secretbox.c",
    input: {
      key: hex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389"),
      nonce: hex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37"),
      associated: hex(""),
      data: hex(`
        be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffc
        e5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb31
        0e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde
        048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f93776384864
        5e0705`),
    },
    encrypted: hex(`
      f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce
      48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c972
      71d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae
      90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b3
      7973f622a43d14a6599b1f654cb45a74e355a5`),
  },
  {
    algorithm: "aes-256-gcm",
    source: "The Galois/Counter Mode of Operation (McGrew, Viega), test case 16",
    input: {
      key: hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"),
      nonce: hex("cafebabefacedbaddecaf888"),
      associated: hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
      data: hex(`
        d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
        1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39`),
    },
    encrypted: hex(`
      522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
      8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662
      76fc6ece0f4e1768cddf8853bb2d551b`),
  },
];

describe.each(vectors)("$algorithm", ({ algorithm, source, input, encrypted }) => {
  const cipher = cipherOf(algorithm);

  it(`agrees with ${source}`, () => {
    expect(input.nonce).toHaveLength(cipher.nonceBytes);
    expect(Buffer.from(cipher.encrypt(input))).toEqual(Buffer.from(encrypted));
    const opened = cipher.decrypt({ ...input, data: encrypted });
    expect(Buffer.from(opened ?? [])).toEqual(Buffer.from(input.data));
  });

  it("takes no bit that was flipped, wherever it is", () => {
    for (let index = 0; index < encrypted.length; index += 1) {
      const data = Uint8Array.from(encrypted, (byte, at) => (at === index ? byte ^ 1 : byte));
      expect(cipher.decrypt({ ...input, data }), `byte ${index}`).toBeNull();
    }
  });

  it("takes no text that was cut, neither in front nor at the end", () => {
    for (let length = 0; length < encrypted.length; length += 1) {
      expect(cipher.decrypt({ ...input, data: encrypted.subarray(0, length) })).toBeNull();
      expect(cipher.decrypt({ ...input, data: encrypted.subarray(encrypted.length - length) })).toBeNull();
    }
  });
});

describe("isAlgorithm", () => {
  it("knows the two algorithms and nothing else", () => {
    expect(ALGORITHMS.every(isAlgorithm)).toBe(true);
    expect(["", "gcm", "SECRETBOX", "constructor", undefined].some(isAlgorithm)).toBe(false);
  });
});
