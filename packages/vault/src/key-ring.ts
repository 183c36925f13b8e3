import { randomBytes } from "node:crypto";
import { invalidInput, PlatformError, parseInput } from "@moorage/core";
import { z } from "zod";
import { decryptBound, encryptBound } from "./bound-cipher.ts";
import { cipherOf, KEY_BYTES } from "./cipher.ts";
import { type KeyContext, keyBinding } from "./context.ts";
import { KEY_ID, type KeyProvider } from "./key-provider.ts";

/** One master key: 32 bytes, or their base64. */
export interface KeyRingEntry {
  /** 1 to 64 letters, digits, `_` and `-`; it is stored with every secret that the key seals. */
  readonly id: string;
  readonly key: string | Uint8Array;
  /** A retired key opens nothing; it stays in the ring only so that it can be brought back. */
  readonly state?: "retired" | undefined;
}

/**
 * Master keys, newest first, as an array or as `"k2:base64,k1:base64"`: the first one seals, all of them open, except
 * for retired ones, which are written `k0:base64:retired`.
 */
export type KeyRing = string | readonly KeyRingEntry[];

const RETIRED = "retired";

const entriesSchema = z.array(
  z.strictObject({
    id: z.string(),
    key: z.union([z.string(), z.instanceof(Uint8Array)]),
    state: z.literal(RETIRED).optional(),
  }),
);

const REMEDY = "generateKey() of @moorage/vault makes one.";

/** A new master key for a key ring, as text: `k1:` and the base64 of 32 random bytes. */
export function generateKey(id = "k1"): string {
  if (!KEY_ID.test(id)) throw keyError(`A key id must be 1 to 64 letters, digits, "_" and "-".`);
  return `${id}:${randomBytes(KEY_BYTES).toString("base64")}`;
}

/**
 * A key provider that holds its keys in memory. Throws `INVALID_INPUT` for a ring that is empty or malformed,
 * for keys that are not 32 random bytes, for an id that is given twice, and for a first key that is retired; no
 * message repeats what was passed.
 */
export function localKeyring(ring: KeyRing): KeyProvider {
  const entries = parseKeyRing(ring);
  const keys = new Map(entries.map((entry) => [entry.id, entry]));
  const current = entries[0];
  if (!current) throw keyError(`The key ring is empty. ${REMEDY}`);
  if (current.isRetired)
    throw keyError("Key 1 of the key ring is retired. Put the key that is to seal first.");
  return {
    currentKeyId: async () => current.id,
    wrap: async (dataKey, context) => ({
      keyId: current.id,
      wrapped: wrapWith(current, dataKey, context),
    }),
    async unwrap(keyId, wrapped, context) {
      const master = keys.get(keyId);
      const dataKey = master && !master.isRetired ? unwrapWith(master, wrapped, context) : null;
      if (!dataKey) throw new PlatformError("DECRYPT_FAILED", "The data key does not open.");
      return dataKey;
    },
    async keyState(keyId) {
      if (keyId === current.id) return "active";
      const master = keys.get(keyId);
      if (!master) return "unknown";
      return master.isRetired ? RETIRED : "grace";
    },
    keyIds: async () => entries.map(({ id }) => id),
  };
}

interface MasterKey {
  readonly id: string;
  readonly key: Uint8Array;
  readonly isRetired: boolean;
}

/** A wrapped data key is the nonce followed by the box, under the algorithm of the envelope it is part of. */
function wrapWith(master: MasterKey, dataKey: Uint8Array, context: KeyContext): Uint8Array {
  const { algorithm } = context;
  const nonce = randomBytes(cipherOf(algorithm).nonceBytes);
  const binding = keyBinding(master.id, context);
  const box = encryptBound({ algorithm, key: master.key, nonce, binding, data: dataKey });
  return Buffer.concat([nonce, box]);
}

function unwrapWith(master: MasterKey, wrapped: Uint8Array, context: KeyContext): Uint8Array | null {
  const { algorithm } = context;
  const nonceBytes = cipherOf(algorithm).nonceBytes;
  return decryptBound({
    algorithm,
    key: master.key,
    nonce: wrapped.subarray(0, nonceBytes),
    binding: keyBinding(master.id, context),
    data: wrapped.subarray(nonceBytes),
  });
}

function parseKeyRing(ring: KeyRing): readonly MasterKey[] {
  const entries = typeof ring === "string" ? splitText(ring) : parseInput(entriesSchema, ring, "key ring");
  const keys = entries.map((entry, index) => parseEntry(entry, `Key ${index + 1} of ${entries.length}`));
  for (const [index, { id }] of keys.entries()) {
    const first = keys.findIndex((key) => key.id === id);
    if (first < index) throw keyError(`Keys ${first + 1} and ${index + 1} of the key ring have the same id.`);
  }
  return keys;
}

function splitText(text: string): readonly KeyRingEntry[] {
  if (text.trim() === "") return [];
  const entries = text.split(",");
  return entries.map((entry, index) => {
    const [id, key, state, ...rest] = entry.trim().split(":");
    const isKnownState = state === undefined || state === RETIRED;
    if (id === undefined || key === undefined || !isKnownState || rest.length > 0) {
      const form = `"id:base64" or "id:base64:${RETIRED}"`;
      throw keyError(`Key ${index + 1} of ${entries.length} is not of the form ${form}. ${REMEDY}`);
    }
    return { id, key, state };
  });
}

// Messages say which key by its position: an id that was mixed up with its key would be the key.
function parseEntry(entry: KeyRingEntry, position: string): MasterKey {
  if (!KEY_ID.test(entry.id)) {
    throw keyError(`${position} has an id that is not 1 to 64 letters, digits, "_" and "-".`);
  }
  const key = typeof entry.key === "string" ? decodeKey(entry.key, position) : Uint8Array.from(entry.key);
  if (key.length !== KEY_BYTES) {
    throw keyError(`${position} has ${key.length} bytes instead of ${KEY_BYTES}. ${REMEDY}`);
  }
  if (key.every((byte) => byte === 0)) throw keyError(`${position} is all zeros. ${REMEDY}`);
  // Of random keys, one in 10^13 is printable ASCII throughout; of passphrases nearly all are.
  if (key.every((byte) => byte >= 0x20 && byte <= 0x7e)) {
    throw keyError(`${position} is a text, not random bytes; a passphrase is not a key. ${REMEDY}`);
  }
  return { id: entry.id, key, isRetired: entry.state === RETIRED };
}

function decodeKey(text: string, position: string): Uint8Array {
  const key = Buffer.from(text, "base64");
  const digits = text.replace(/=+$/, "").replaceAll("-", "+").replaceAll("_", "/");
  if (key.length === 0 || key.toString("base64").replace(/=+$/, "") !== digits) {
    throw keyError(`${position} is not base64; a passphrase is not a key. ${REMEDY}`);
  }
  return key;
}

function keyError(message: string): PlatformError {
  return invalidInput("key ring", [{ path: "keys", message }]);
}
