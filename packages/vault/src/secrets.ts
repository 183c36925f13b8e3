import type { PartContext, SecretMetadata, SecretScope } from "@moorage/core";
import type { Algorithm } from "./cipher.ts";
import type { SecretContext } from "./context.ts";
import type { KeyProvider } from "./key-provider.ts";
import type { SecretPlace, SecretRow } from "./secret-store.ts";

/** What every operation of one vault works with. */
export interface VaultParts {
  readonly context: PartContext;
  readonly keys: KeyProvider;
  readonly algorithm: Algorithm;
}

/** Which text of a secret: the current version in `envelope`, or the one before in `previous_envelope`. */
export type SecretPurpose = "value" | "previous";

/** What that text of this place is bound to: the version before, put back as the current one, does not open. */
export function contextOf(place: SecretPlace, purpose: SecretPurpose): SecretContext {
  return {
    ownerId: place.owner_id,
    scopeKind: place.scope,
    scopeId: place.scope_id,
    name: place.name,
    purpose,
  };
}

/** An address as its schema gives it. */
export interface ParsedAddress {
  readonly ownerId: string;
  readonly scope: { readonly kind: SecretScope["kind"]; readonly id?: string | undefined };
  readonly name: string;
}

export function placeOf({ ownerId, scope, name }: ParsedAddress): SecretPlace {
  return { owner_id: ownerId, scope: scope.kind, scope_id: scope.id ?? "", name };
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
    rotatedAt: row.rotated_at,
    expiresAt: row.expires_at,
    previousUntil: row.previous_until,
    lastUsedAt: row.last_used_at,
  };
}
