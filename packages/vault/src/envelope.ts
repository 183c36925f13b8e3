import { PlatformError } from "@moorage/core";
import { type Algorithm, isAlgorithm } from "./cipher.ts";
import { ENVELOPE_VERSION } from "./context.ts";
import { KEY_ID } from "./key-provider.ts";

/** A sealed secret, taken apart. */
export interface Envelope {
  readonly algorithm: Algorithm;
  readonly keyId: string;
  readonly wrappedKey: Uint8Array;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/**
 * The text of an envelope: `moorage1.<algorithm>.<keyId>.<wrapped data key>.<nonce>.<ciphertext>`, the last three in
 * base64url without padding. Throws `INTERNAL` for a key id that does not fit in.
 */
export function formatEnvelope(envelope: Envelope): string {
  if (!KEY_ID.test(envelope.keyId)) {
    const rule = `1 to 64 letters, digits, "_" and "-"`;
    throw new PlatformError("INTERNAL", `The key provider sealed with a key whose id is not ${rule}.`);
  }
  const binary = [envelope.wrappedKey, envelope.nonce, envelope.ciphertext];
  const encoded = binary.map((bytes) => Buffer.from(bytes).toString("base64url"));
  return [ENVELOPE_VERSION, envelope.algorithm, envelope.keyId, ...encoded].join(".");
}

/** Takes an envelope apart; null for every text that {@link formatEnvelope} does not make. */
export function parseEnvelope(text: string): Envelope | null {
  const [version, algorithm, keyId, ...encoded] = text.split(".");
  if (version !== ENVELOPE_VERSION || !isAlgorithm(algorithm)) return null;
  if (keyId === undefined || !KEY_ID.test(keyId) || encoded.length !== 3) return null;
  const [wrappedKey, nonce, ciphertext] = encoded.map(decodeCanonical);
  if (!wrappedKey || !nonce || !ciphertext) return null;
  return { algorithm, keyId, wrappedKey, nonce, ciphertext };
}

/** Node skips characters that are not base64url and ignores spare bits: only what encodes back to itself is taken. */
function decodeCanonical(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, "base64url");
  return bytes.length > 0 && bytes.toString("base64url") === text ? bytes : null;
}
