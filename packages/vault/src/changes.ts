import {
  isoTime,
  parseInput,
  type SecretAddress,
  type SecretInput,
  type SecretMetadata,
  type SecretScope,
  type VaultWriteOptions,
} from "@moorage/core";
import { deleteGrantsOf, deleteGrantsTo } from "./grant-store.ts";
import { hintOf } from "./hint.ts";
import { addressSchema, scopeSchema, secretSchema } from "./input.ts";
import { audit, auditingFailure, recordEvent, write } from "./journal.ts";
import { sealValue } from "./seal.ts";
import { deleteScope, deleteSecret, type SecretRow, storeSecret } from "./secret-store.ts";
import { contextOf, placeOf, toMetadata, type VaultParts } from "./secrets.ts";

const DAY_MS = 86_400_000;
const DEFAULT_ROTATE_AFTER_DAYS = 90;

/** See `Vault.put`. */
export function putSecret(
  parts: VaultParts,
  input: SecretInput,
  options: VaultWriteOptions = {},
): Promise<SecretMetadata> {
  const {
    value,
    rotateAfterDays = DEFAULT_ROTATE_AFTER_DAYS,
    ...address
  } = parseInput(secretSchema, input, "secret");
  const place = placeOf(address);
  const auditing = { ...options, action: "secret.write", place } as const;
  return auditingFailure(parts, auditing, async () => {
    // Before the transaction: a key service may take a while, and SQLite has one connection.
    const sealed = await sealValue(value, { ...parts, context: contextOf(place, "value") });
    const now = parts.context.clock.now();
    const row: SecretRow = {
      ...freshRow(now),
      ...place,
      id: parts.context.ids(),
      key_id: sealed.keyId,
      envelope: sealed.envelope,
      hint: hintOf(value),
      rotate_after_days: rotateAfterDays,
      expires_at: expiryOf(now, rotateAfterDays),
    };
    const stored = await write(parts, options, async (connection) => {
      const current = await storeSecret(connection, row);
      const details = { version: current.version, keyId: current.key_id };
      await recordEvent(parts, connection, { type: "secret.stored", row: current, extra: {} });
      await audit(parts, place, { ...auditing, connection, details });
      return current;
    });
    return toMetadata(stored);
  });
}

/** When a value that is stored at `now` should be rotated, as ISO-8601 text; null for never. */
export function expiryOf(now: number, rotateAfterDays: number | null): string | null {
  return rotateAfterDays === null ? null : isoTime(now + rotateAfterDays * DAY_MS);
}

function freshRow(now: number) {
  return {
    version: 1,
    created_at: isoTime(now),
    updated_at: isoTime(now),
    last_used_at: null,
    rotated_at: null,
    warned_days: null,
    expired_notified: 0,
    previous_envelope: null,
    previous_key_id: null,
    previous_until: null,
  };
}

/** See `Vault.remove`. */
export function removeSecret(
  parts: VaultParts,
  input: SecretAddress,
  options: VaultWriteOptions = {},
): Promise<boolean> {
  const place = placeOf(parseInput(addressSchema, input, "secret"));
  return write(parts, options, async (connection) => {
    const row = await deleteSecret(connection, place);
    if (row) await forget(parts, [row], { ...options, connection });
    return row !== undefined;
  });
}

/** See `Vault.removeScope`. An instance's grants of other instances' secrets go with it. */
export function removeScope(
  parts: VaultParts,
  input: SecretScope & { readonly ownerId: string },
  options: VaultWriteOptions = {},
): Promise<number> {
  const { ownerId, kind, id } = parseInput(scopeSchema, input, "scope");
  return write(parts, options, async (connection) => {
    const rows = await deleteScope(connection, { owner_id: ownerId, scope: kind, scope_id: id });
    await forget(parts, rows, { ...options, connection });
    if (kind === "instance") await deleteGrantsTo(connection, { ownerId, instanceId: id });
    return rows.length;
  });
}

/** Everything that goes with deleted secrets. */
async function forget(
  parts: VaultParts,
  rows: readonly SecretRow[],
  options: Required<Pick<VaultWriteOptions, "connection">> & VaultWriteOptions,
): Promise<void> {
  const { connection } = options;
  // After the secrets: their rows are locked by now, so that no grant can come in between.
  await deleteGrantsOf(
    connection,
    rows.map(({ id }) => id),
  );
  for (const row of rows) {
    await recordEvent(parts, connection, { type: "secret.removed", row, extra: {} });
    await audit(parts, row, { ...options, action: "secret.remove", details: { version: row.version } });
  }
}
