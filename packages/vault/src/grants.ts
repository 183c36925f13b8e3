import {
  invalidInput,
  isoTime,
  parseInput,
  type SecretAddress,
  type SecretUsage,
  type VaultWriteOptions,
} from "@moorage/core";
import { deleteGrant, insertGrant, listGrantees } from "./grant-store.ts";
import { addressSchema, granteeSchema } from "./input.ts";
import { audit, noSecret, type SecretAction, write } from "./journal.ts";
import { findSecret, lockSecret, type SecretPlace } from "./secret-store.ts";
import { placeOf, toMetadata, type VaultParts } from "./secrets.ts";

interface GrantRequest {
  readonly address: SecretAddress;
  readonly toInstanceId: string;
}

/** See `Vault.grant`. Granting again changes nothing. */
export function grantSecret(
  parts: VaultParts,
  request: GrantRequest,
  options: VaultWriteOptions = {},
): Promise<void> {
  const { place, toInstanceId } = parseGrant(request);
  return write(parts, options, async (connection) => {
    const row = await lockSecret(connection, place);
    if (!row) throw noSecret(place.name);
    await insertGrant(connection, {
      secret_id: row.id,
      instance_id: toInstanceId,
      owner_id: row.owner_id,
      granted_at: isoTime(parts.context.clock.now()),
      granted_by: options.actorId ?? null,
    });
    await auditGrant(parts, { place, toInstanceId, action: "secret.grant" }, { ...options, connection });
  });
}

/** See `Vault.revoke`. What runs already keeps what it was started with. */
export function revokeSecret(
  parts: VaultParts,
  request: GrantRequest,
  options: VaultWriteOptions = {},
): Promise<boolean> {
  const { place, toInstanceId } = parseGrant(request);
  return write(parts, options, async (connection) => {
    const row = await lockSecret(connection, place);
    if (!row || !(await deleteGrant(connection, { secretId: row.id, instanceId: toInstanceId })))
      return false;
    await auditGrant(parts, { place, toInstanceId, action: "secret.revoke" }, { ...options, connection });
    return true;
  });
}

/** See `Vault.usage`. */
export async function usageOf({ context }: VaultParts, address: SecretAddress): Promise<SecretUsage> {
  const { connection } = context.database;
  const place = placeOf(parseInput(addressSchema, address, "secret"));
  const row = await findSecret(connection, place);
  if (!row) throw noSecret(place.name);
  return {
    secret: toMetadata(row),
    grantedTo: await listGrantees(connection, row.id),
    lastUsedAt: row.last_used_at,
  };
}

function parseGrant({ address, toInstanceId }: GrantRequest) {
  const place = placeOf(parseInput(addressSchema, address, "secret"));
  const grantee = parseInput(granteeSchema, toInstanceId, "instance id");
  if (place.scope !== "instance") {
    const message = "must be an instance's; all other secrets of an owner need no grant";
    throw invalidInput("grant", [{ path: "scope", message }]);
  }
  if (place.scope_id === grantee) {
    throw invalidInput("grant", [
      { path: "toInstanceId", message: "must be another instance than the secret's own" },
    ]);
  }
  return { place, toInstanceId: grantee };
}

function auditGrant(
  parts: VaultParts,
  grant: { readonly place: SecretPlace; readonly toInstanceId: string; readonly action: SecretAction },
  options: VaultWriteOptions,
): Promise<void> {
  const { place, toInstanceId, action } = grant;
  return audit(parts, place, { ...options, action, details: { toInstanceId } });
}
