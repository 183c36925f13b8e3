import { randomBytes } from "node:crypto";
import { isPlatformError, PlatformError } from "@moorage/core";
import { decryptBound, encryptBound } from "./bound-cipher.ts";
import { type Algorithm, cipherOf, KEY_BYTES } from "./cipher.ts";
import { type SecretContext, valueBinding } from "./context.ts";
import { type Envelope, formatEnvelope, parseEnvelope } from "./envelope.ts";
import type { KeyProvider } from "./key-provider.ts";

/** Under which keys, and for whom. */
export interface OpenOptions {
  readonly keys: KeyProvider;
  readonly context: SecretContext;
}

export interface SealOptions extends OpenOptions {
  readonly algorithm: Algorithm;
}

export interface SealedValue {
  /** The one text that is stored. */
  readonly envelope: string;
  /** The master key it needs; also in the envelope. */
  readonly keyId: string;
}

/** Seals a value under a data key of its own, which the current master key wraps. */
export async function sealValue(value: string, options: SealOptions): Promise<SealedValue> {
  const { keys, algorithm } = options;
  const context = { ...options.context, algorithm };
  const dataKey = randomBytes(KEY_BYTES);
  const data = Buffer.from(value, "utf8");
  try {
    const { keyId, wrapped } = await keys.wrap(dataKey, context);
    const nonce = randomBytes(cipherOf(algorithm).nonceBytes);
    const binding = valueBinding(context);
    const ciphertext = encryptBound({ algorithm, key: dataKey, nonce, binding, data });
    return { keyId, envelope: formatEnvelope({ algorithm, keyId, wrappedKey: wrapped, nonce, ciphertext }) };
  } finally {
    dataKey.fill(0);
    data.fill(0);
  }
}

/**
 * Opens an envelope. Throws `DECRYPT_FAILED`, always with the same message, for an unknown key, another context,
 * and every change of the text; a key provider's retryable error passes through.
 */
export async function openValue(envelope: string, options: OpenOptions): Promise<string> {
  const value = await orNull(tryOpen(envelope, options));
  if (value === null) throw decryptFailed(options.context.name);
  return value;
}

/**
 * The same envelope with its data key wrapped by the current master key: the value is not opened, and its nonce and
 * ciphertext stay as they are. Throws as {@link openValue} does where the data key does not open, and what the key
 * provider throws where it cannot be wrapped.
 */
export async function rewrapEnvelope(envelope: string, options: OpenOptions): Promise<SealedValue> {
  const parsed = parseEnvelope(envelope);
  const dataKey = parsed && (await orNull(unwrapDataKey(parsed, options)));
  if (!parsed || dataKey?.length !== KEY_BYTES) throw decryptFailed(options.context.name);
  try {
    const context = { ...options.context, algorithm: parsed.algorithm };
    const { keyId, wrapped } = await options.keys.wrap(dataKey, context);
    return { keyId, envelope: formatEnvelope({ ...parsed, keyId, wrappedKey: wrapped }) };
  } finally {
    dataKey.fill(0);
  }
}

/** Null for every failure that is not to be told from another one. */
function orNull<Result>(work: Promise<Result>): Promise<Result | null> {
  return work.catch((error: unknown) => {
    if (isPlatformError(error) && error.retryable) throw error;
    return null;
  });
}

function unwrapDataKey(envelope: Envelope, { keys, context }: OpenOptions): Promise<Uint8Array> {
  const { algorithm, keyId, wrappedKey } = envelope;
  return keys.unwrap(keyId, wrappedKey, { ...context, algorithm });
}

async function tryOpen(text: string, options: OpenOptions): Promise<string | null> {
  const envelope = parseEnvelope(text);
  if (!envelope) return null;
  const { algorithm, nonce, ciphertext } = envelope;
  const context = { ...options.context, algorithm };
  const key = await unwrapDataKey(envelope, options);
  try {
    const binding = valueBinding(context);
    const data = decryptBound({ algorithm, key, nonce, binding, data: ciphertext });
    return data && textOf(data);
  } finally {
    key.fill(0);
  }
}

function textOf(data: Uint8Array): string {
  try {
    return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("utf8");
  } finally {
    data.fill(0);
  }
}

function decryptFailed(name: string): PlatformError {
  return new PlatformError(
    "DECRYPT_FAILED",
    `The secret "${name}" does not open: its key is not in the key ring, or what is stored was changed or moved.` +
      " Put the key back, or store the secret again.",
  );
}
