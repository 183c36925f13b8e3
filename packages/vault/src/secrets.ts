import {
  type Connection,
  isoTime,
  type PartContext,
  parseInput,
  type SecretAddress,
  type SecretInput,
  type SecretMetadata,
  type SecretScope,
  type VaultWriteOptions,
} from "@moorage/core";
import type { Algorithm } from "./cipher.ts";
import type { SecretContext } from "./context.ts";
import { hintOf } from "./hint.ts";
import { addressSchema, scopeSchema, secretSchema } from "./input.ts";
import type { KeyProvider } from "./key-provider.ts";
import { sealValue } from "./seal.ts";
import { deleteScope, deleteSecret, type SecretPlace, type SecretRow, storeSecret } from "./secret-store.ts";

/** What every operation of one vault works with. */
export interface VaultParts {
  readonly context: PartContext;
  readonly keys: KeyProvider;
  readonly algorithm: Algorithm;
}

/** See `Vault.put`. */
export async function putSecret(
  parts: VaultParts,
  input: SecretInput,
  options: VaultWriteOptions = {},
): Promise<SecretMetadata> {
  const secret = parseInput(secretSchema, input, "secret");
  const place = placeOf(secret);
  // Before the transaction: a key service may take a while, and SQLite has one connection.
  const sealed = await sealValue(secret.value, { ...parts, context: contextOf(place) });
  const now = isoTime(parts.context.clock.now());
  const row: SecretRow = {
    id: parts.context.ids(),
    ...place,
    version: 1,
    key_id: sealed.keyId,
    envelope: sealed.envelope,
    hint: hintOf(secret.value),
    created_at: now,
    updated_at: now,
    last_used_at: null,
  };
  const stored = await write(parts, options, async (connection) => {
    const current = await storeSecret(connection, row);
    await record(parts, connection, { type: "secret.stored", row: current });
    return current;
  });
  return toMetadata(stored);
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
    if (row) await record(parts, connection, { type: "secret.removed", row });
    return row !== undefined;
  });
}

/** See `Vault.removeScope`. */
export function removeScope(
  parts: VaultParts,
  input: SecretScope & { readonly ownerId: string },
  options: VaultWriteOptions = {},
): Promise<number> {
  const { ownerId, kind, id } = parseInput(scopeSchema, input, "scope");
  return write(parts, options, async (connection) => {
    const rows = await deleteScope(connection, { owner_id: ownerId, scope: kind, scope_id: id });
    for (const row of rows) await record(parts, connection, { type: "secret.removed", row });
    return rows.length;
  });
}

/** What the stored text of this place is bound to. */
export function contextOf(place: SecretPlace): SecretContext {
  return {
    ownerId: place.owner_id,
    scopeKind: place.scope,
    scopeId: place.scope_id,
    name: place.name,
    purpose: "value",
  };
}

/** What may be told of a stored secret. */
export function toMetadata(row: SecretRow): SecretMetadata {
  const kind = row.scope as SecretScope["kind"];
  return {
    ownerId: row.owner_id,
    scope: kind === "owner" ? { kind } : { kind, id: row.scope_id },
    name: row.name,
    hint: row.hint,
    version: row.version,
    keyId: row.key_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    lastUsedAt: row.last_used_at,
  };
}

interface ParsedAddress {
  readonly ownerId: string;
  readonly scope: { readonly kind: SecretScope["kind"]; readonly id?: string | undefined };
  readonly name: string;
}

function placeOf({ ownerId, scope, name }: ParsedAddress): SecretPlace {
  return { owner_id: ownerId, scope: scope.kind, scope_id: scope.id ?? "", name };
}

async function write<Result>(
  { context }: VaultParts,
  { connection }: VaultWriteOptions,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  if (connection) return work(connection);
  const result = await context.database.transaction(work);
  await context.events.deliver();
  return result;
}

function record(
  { context }: VaultParts,
  connection: Connection,
  { type, row }: { readonly type: "secret.stored" | "secret.removed"; readonly row: SecretRow },
): Promise<void> {
  const { scope, scope_id, name, version } = row;
  return context.events.record(connection, {
    type,
    ownerId: row.owner_id,
    subjectId: row.id,
    data: { scope, scopeId: scope_id === "" ? null : scope_id, name, version },
  });
}
