import {
  isoTime,
  isPlatformError,
  PlatformError,
  parseInput,
  type SecretMetadata,
  type SecretRotation,
  type VaultWriteOptions,
} from "@moorage/core";
import { expiryOf } from "./changes.ts";
import { hintOf } from "./hint.ts";
import { rotationSchema } from "./input.ts";
import { audit, auditingFailure, noSecret, recordEvent, write } from "./journal.ts";
import { openValue, type SealedValue, sealValue } from "./seal.ts";
import { findSecret, replaceSecret, type SecretRow } from "./secret-store.ts";
import { contextOf, placeOf, toMetadata, type VaultParts } from "./secrets.ts";

const DEFAULT_GRACE_SECONDS = 3_600;
/** How many writers in a row may be faster until a rotation gives up. */
const MAXIMUM_TRIES = 20;

interface Rotation {
  readonly value: string;
  readonly sealed: SealedValue;
  readonly graceSeconds: number;
  /** Undefined: as it was. */
  readonly rotateAfterDays: number | null | undefined;
}

/** See `Vault.rotate`. Without `rotateAfterDays` the secret keeps the days it has. */
export function rotateSecret(
  parts: VaultParts,
  input: SecretRotation,
  options: VaultWriteOptions = {},
): Promise<SecretMetadata> {
  const parsed = parseInput(rotationSchema, input, "secret");
  const { value, rotateAfterDays, graceSeconds = DEFAULT_GRACE_SECONDS } = parsed;
  const place = placeOf(parsed);
  return auditingFailure(parts, { ...options, action: "secret.rotate", place }, async () => {
    const sealed = await sealValue(value, { ...parts, context: contextOf(place, "value") });
    const rotation = { value, sealed, graceSeconds, rotateAfterDays };
    for (let tries = 0; tries < MAXIMUM_TRIES; tries += 1) {
      const row = await findSecret(options.connection ?? parts.context.database.connection, place);
      if (!row) throw noSecret(place.name);
      const rotated = await replace(parts, { row, rotation, options });
      if (rotated) return toMetadata(rotated);
    }
    const message = `The secret "${place.name}" is being changed by others all the time. Try again later.`;
    throw new PlatformError("CONFLICT", message);
  });
}

/** Undefined where the row is no longer the version that was read. */
async function replace(
  parts: VaultParts,
  attempt: {
    readonly row: SecretRow;
    readonly rotation: Rotation;
    readonly options: VaultWriteOptions;
  },
): Promise<SecretRow | undefined> {
  const { row, rotation, options } = attempt;
  const previous = rotation.graceSeconds > 0 ? await sealAsPrevious(parts, row) : null;
  const changes = changesOf(parts, row, { ...rotation, previous });
  return write(parts, options, async (connection) => {
    const rotated = await replaceSecret(connection, row, changes);
    if (!rotated) return undefined;
    const { version, key_id: keyId, previous_until: previousUntil } = rotated;
    await recordEvent(parts, connection, { type: "secret.rotated", row: rotated, extra: { previousUntil } });
    const details = { version, keyId, previousUntil };
    await audit(parts, row, { ...options, action: "secret.rotate", connection, details });
    return rotated;
  });
}

function changesOf(
  { context }: VaultParts,
  row: SecretRow,
  { value, sealed, previous, ...rotation }: Rotation & { readonly previous: SealedValue | null },
): Partial<SecretRow> {
  const now = context.clock.now();
  const days = rotation.rotateAfterDays === undefined ? row.rotate_after_days : rotation.rotateAfterDays;
  return {
    version: row.version + 1,
    key_id: sealed.keyId,
    envelope: sealed.envelope,
    hint: hintOf(value),
    updated_at: isoTime(now),
    rotated_at: isoTime(now),
    rotate_after_days: days,
    expires_at: expiryOf(now, days),
    warned_days: null,
    expired_notified: 0,
    previous_envelope: previous?.envelope ?? null,
    previous_key_id: previous?.keyId ?? null,
    previous_until: previous ? isoTime(now + rotation.graceSeconds * 1_000) : null,
  };
}

/** The current version once more, sealed as the one before. Null if it does not open: then there is nothing to keep. */
async function sealAsPrevious(parts: VaultParts, row: SecretRow): Promise<SealedValue | null> {
  try {
    const value = await openValue(row.envelope, { keys: parts.keys, context: contextOf(row, "value") });
    return await sealValue(value, { ...parts, context: contextOf(row, "previous") });
  } catch (error) {
    if (!isPlatformError(error, "DECRYPT_FAILED")) throw error;
    return null;
  }
}
