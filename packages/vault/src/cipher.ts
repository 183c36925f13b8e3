import { createCipheriv, createDecipheriv } from "node:crypto";
import nacl from "tweetnacl";

/** The algorithms that a stored secret may name. An id is never given another meaning: stored text outlives code. */
export const ALGORITHMS = ["secretbox", "aes-256-gcm"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** Bytes of every key of both algorithms. */
export const KEY_BYTES = 32;

/** What one encryption works on. `associated` is authenticated where the algorithm can (`aes-256-gcm`). */
export interface CipherInput {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly associated: Uint8Array;
  readonly data: Uint8Array;
}

/** One authenticated cipher, as published: no key derivation, no encoding. */
export interface Cipher {
  readonly nonceBytes: number;
  encrypt(input: CipherInput): Uint8Array;
  /** Returns null for anything that is not authentic. */
  decrypt(input: CipherInput): Uint8Array | null;
}

const GCM = "aes-256-gcm";
const GCM_TAG_BYTES = 16;

/** XSalsa20-Poly1305 in the order of NaCl: 16 bytes of tag, then the ciphertext. */
const secretbox: Cipher = {
  nonceBytes: nacl.secretbox.nonceLength,
  encrypt: ({ data, nonce, key }) => nacl.secretbox(data, nonce, key),
  decrypt: ({ data, nonce, key }) => nacl.secretbox.open(data, nonce, key),
};

/** AES-256 in Galois/Counter Mode: the ciphertext, then 16 bytes of tag. */
const aes256Gcm: Cipher = {
  nonceBytes: 12,
  encrypt({ key, nonce, associated, data }) {
    const cipher = createCipheriv(GCM, key, nonce, { authTagLength: GCM_TAG_BYTES });
    cipher.setAAD(associated);
    return Buffer.concat([cipher.update(data), cipher.final(), cipher.getAuthTag()]);
  },
  decrypt({ key, nonce, associated, data }) {
    const end = data.length - GCM_TAG_BYTES;
    if (end < 0) return null;
    // Without an explicit length, Node 20 accepts a tag cut down to four bytes.
    const decipher = createDecipheriv(GCM, key, nonce, { authTagLength: GCM_TAG_BYTES });
    decipher.setAAD(associated);
    decipher.setAuthTag(data.subarray(end));
    const unverified = decipher.update(data.subarray(0, end));
    try {
      decipher.final();
      return unverified;
    } catch {
      unverified.fill(0);
      return null;
    }
  },
};

const ciphers: Readonly<Record<Algorithm, Cipher>> = { secretbox, "aes-256-gcm": aes256Gcm };

/** The cipher of an algorithm id. */
export function cipherOf(algorithm: Algorithm): Cipher {
  return ciphers[algorithm];
}

/** Whether a text is an algorithm id that this version knows. */
export function isAlgorithm(text: unknown): text is Algorithm {
  return ALGORITHMS.some((algorithm) => algorithm === text);
}
