import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { invalidInput, PlatformError } from "@moorage/core";

export interface SealFernetOptions {
  /** Milliseconds since the epoch; the host's clock if left out. */
  readonly now?: () => number;
  /** Makes the initialization vector; the random bytes of `node:crypto` if left out. */
  readonly randomBytes?: (size: number) => Uint8Array;
}

export interface OpenFernetOptions {
  /** How old the token may be. Without it, its time is not looked at. */
  readonly ttlSeconds?: number;
  /** Milliseconds since the epoch; the host's clock if left out. */
  readonly now?: () => number;
}

const VERSION = 0x80;
const CIPHER = "aes-128-cbc";
const HEADER_BYTES = 9;
const IV_BYTES = 16;
const BLOCK_BYTES = 16;
const HMAC_BYTES = 32;
const KEY_BYTES = 32;
/** How far ahead of ours the clock of the token's maker may be. */
const MAXIMUM_SKEW_SECONDS = 60;

/**
 * A Fernet token with this text in it, for tests and round trips; secrets of this vault are sealed otherwise. `key` is
 * a Fernet key: 32 bytes in base64url. Throws `INVALID_INPUT` for another key.
 */
export function sealFernet(text: string, key: string, options: SealFernetOptions = {}): string {
  const { now = Date.now, randomBytes: random = randomBytes } = options;
  const { signing, encryption } = parseKey(key);
  const header = Buffer.alloc(HEADER_BYTES, VERSION);
  header.writeBigUInt64BE(BigInt(Math.floor(now() / 1000)), 1);
  const iv = random(IV_BYTES);
  const cipher = createCipheriv(CIPHER, encryption, iv);
  const signed = Buffer.concat([header, iv, cipher.update(text, "utf8"), cipher.final()]);
  return withPadding(Buffer.concat([signed, hmacOf(signed, signing)]));
}

/**
 * The text in a Fernet token, so that what another program sealed can be stored as a secret. Throws `INVALID_INPUT`
 * for what is no Fernet key, and `DECRYPT_FAILED`, always with the same message, for a token that was changed, is too
 * old, was made more than a minute ahead (both only with `ttlSeconds`), or holds no UTF-8.
 */
export function openFernet(token: string, key: string, options: OpenFernetOptions = {}): string {
  const keys = parseKey(key);
  const bytes = decodeBase64Url(token);
  const text = bytes && isTimely(bytes, options) ? openToken(bytes, keys) : null;
  if (text !== null) return text;
  throw new PlatformError(
    "DECRYPT_FAILED",
    "The Fernet token does not open: it was changed, it is too old, or the key is another one.",
  );
}

interface FernetKey {
  readonly signing: Uint8Array;
  readonly encryption: Uint8Array;
}

function openToken(token: Buffer, { signing, encryption }: FernetKey): string | null {
  const signed = token.subarray(0, -HMAC_BYTES);
  const ciphertext = signed.subarray(HEADER_BYTES + IV_BYTES);
  if (token[0] !== VERSION || ciphertext.length === 0 || ciphertext.length % BLOCK_BYTES > 0) return null;
  if (!timingSafeEqual(hmacOf(signed, signing), token.subarray(-HMAC_BYTES))) return null;
  const decipher = createDecipheriv(
    CIPHER,
    encryption,
    signed.subarray(HEADER_BYTES, HEADER_BYTES + IV_BYTES),
  );
  try {
    const data = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return null;
  }
}

function isTimely(token: Buffer, { ttlSeconds, now = Date.now }: OpenFernetOptions): boolean {
  if (token.length < HEADER_BYTES + IV_BYTES + BLOCK_BYTES + HMAC_BYTES) return false;
  if (ttlSeconds === undefined) return true;
  const madeAt = Number(token.readBigUInt64BE(1));
  const time = now() / 1000;
  return madeAt + ttlSeconds >= time && madeAt <= time + MAXIMUM_SKEW_SECONDS;
}

function hmacOf(signed: Uint8Array, signing: Uint8Array): Buffer {
  return createHmac("sha256", signing).update(signed).digest();
}

function parseKey(key: string): FernetKey {
  const bytes = decodeBase64Url(key);
  if (bytes?.length !== KEY_BYTES) {
    const message = "must be a Fernet key: 32 bytes in base64url, as the program that sealed has it";
    throw invalidInput("Fernet key", [{ path: "key", message }]);
  }
  return { signing: bytes.subarray(0, KEY_BYTES / 2), encryption: bytes.subarray(KEY_BYTES / 2) };
}

/** Node skips what is not base64: only a text that encodes back to itself is taken, padded or not. */
function decodeBase64Url(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64url");
  return text === withPadding(bytes) || text === bytes.toString("base64url") ? bytes : null;
}

function withPadding(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}
