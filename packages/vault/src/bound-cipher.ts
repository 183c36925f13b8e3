import { createHash, hkdfSync } from "node:crypto";
import { type Algorithm, cipherOf, KEY_BYTES } from "./cipher.ts";

/** One encryption that is bound to a context: it decrypts under the same `binding` only. */
export interface BoundInput {
  readonly algorithm: Algorithm;
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly binding: Uint8Array;
  readonly data: Uint8Array;
}

/** HKDF-SHA256 (RFC 5869). */
export function deriveKey(
  key: Uint8Array,
  { salt, info }: { readonly salt: Uint8Array; readonly info: Uint8Array },
  bytes = KEY_BYTES,
): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", key, salt, info, bytes));
}

/** Encrypts under a sub-key that the binding is part of, and authenticates the binding where the cipher can. */
export function encryptBound(input: BoundInput): Uint8Array {
  return withSubKey(input, (key) => cipherOf(input.algorithm).encrypt(cipherInput(input, key)));
}

/** Reverses {@link encryptBound}; returns null for another key, another binding, or changed bytes. */
export function decryptBound(input: BoundInput): Uint8Array | null {
  const cipher = cipherOf(input.algorithm);
  if (input.nonce.length !== cipher.nonceBytes) return null;
  return withSubKey(input, (key) => cipher.decrypt(cipherInput(input, key)));
}

function cipherInput(input: BoundInput, key: Uint8Array) {
  return { key, nonce: input.nonce, associated: input.binding, data: input.data };
}

function withSubKey<Result>(input: BoundInput, work: (key: Uint8Array) => Result): Result {
  // The binding goes in as its hash, because node:crypto takes at most 1024 bytes of info.
  const info = createHash("sha256").update(input.binding).digest();
  const subKey = deriveKey(input.key, { salt: input.nonce, info });
  try {
    return work(subKey);
  } finally {
    subKey.fill(0);
  }
}
