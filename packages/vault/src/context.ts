import { invalidInput } from "@moorage/core";
import type { Algorithm } from "./cipher.ts";

/** What a sealed secret belongs to; it opens under exactly the same five values and no others. */
export interface SecretContext {
  readonly ownerId: string;
  readonly scopeKind: string;
  /** `""` for a secret of the owner at large. */
  readonly scopeId: string;
  readonly name: string;
  /** What the sealed text is for, so that one kind of text cannot stand in for another. */
  readonly purpose: string;
}

/**
 * What a wrapped data key belongs to: plain text values, so that a key service can take them as its
 * encryption context.
 */
export interface KeyContext extends SecretContext {
  readonly algorithm: Algorithm;
}

/** First part of every envelope, and part of what each one is bound to. */
export const ENVELOPE_VERSION = "moorage1";

/**
 * What the value is bound to. The master key's id is not in it: moving a secret to another master key
 * wraps its data key anew and leaves the value's ciphertext as it is.
 */
export function valueBinding(context: KeyContext): Uint8Array {
  return encodeFields(["moorage.secret.value", ENVELOPE_VERSION, ...fieldsOf(context)]);
}

/** What a data key that the master key `keyId` wraps is bound to. */
export function keyBinding(keyId: string, context: KeyContext): Uint8Array {
  return encodeFields(["moorage.secret.key", ENVELOPE_VERSION, keyId, ...fieldsOf(context)]);
}

function fieldsOf(context: KeyContext): readonly string[] {
  const { algorithm, ownerId, scopeKind, scopeId, name, purpose } = context;
  return [algorithm, ownerId, scopeKind, scopeId, name, purpose];
}

/**
 * Encodes texts so that two different lists never give the same bytes: each one as its length in bytes
 * (32 bits, big endian) and its UTF-8. Throws `INVALID_INPUT` for text that UTF-8 cannot hold.
 */
export function encodeFields(fields: readonly string[]): Uint8Array {
  return Buffer.concat(fields.flatMap(encodeField));
}

function encodeField(field: string): readonly Buffer[] {
  const bytes = Buffer.from(field, "utf8");
  // UTF-8 turns every lone surrogate into the same replacement character, so two contexts could become one.
  if (bytes.toString("utf8") !== field) {
    throw invalidInput("secret", [
      { path: "", message: "owner, scope and name must be well-formed Unicode" },
    ]);
  }
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return [length, bytes];
}
