import {
  type Connection,
  type NewAuditEntry,
  type NewEvent,
  PlatformError,
  type PlatformEvents,
  type VaultWriteOptions,
} from "@moorage/core";
import type { SecretPlace, SecretRow } from "./secret-store.ts";
import type { VaultParts } from "./secrets.ts";

/** What is done with a secret, as the audit names it. */
export type SecretAction = `secret.${"write" | "rotate" | "remove" | "grant" | "revoke" | "open"}`;

/** Runs a change in the caller's transaction, or in one of its own whose events are delivered when it has committed. */
export async function write<Result>(
  { context }: VaultParts,
  { connection }: VaultWriteOptions,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  if (connection) return work(connection);
  const result = await context.database.transaction(work);
  await context.events.deliver();
  return result;
}

/** Where to write an audit entry, and what it says beside the secret's own place. */
export interface AuditOptions extends VaultWriteOptions {
  readonly action: SecretAction;
  readonly outcome?: NewAuditEntry["outcome"];
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An audit entry about one secret: as a part of `connection`'s transaction, if there is one. */
export function audit(
  { context }: VaultParts,
  place: SecretPlace,
  { connection, actorId = null, action, outcome = "allowed", details }: AuditOptions,
): Promise<void> {
  const entry = {
    actorId,
    ownerId: place.owner_id,
    action,
    subjectType: "secret",
    subjectId: place.name,
    outcome,
    details: { ...scopeOf(place), ...details },
  };
  return context.audit.record(entry, connection);
}

/**
 * Does `work`, and puts its failure into the audit. Not inside a caller's transaction, which is rolled back with
 * whatever is written there.
 */
export async function auditingFailure<Result>(
  parts: VaultParts,
  { place, ...options }: AuditOptions & { readonly place: SecretPlace },
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (options.connection === undefined) {
      await audit(parts, place, { ...options, outcome: "failed" });
    }
    throw error;
  }
}

type SecretEventType = Extract<keyof PlatformEvents, `secret.${string}`>;
type EventExtras<Type extends SecretEventType> = Omit<
  PlatformEvents[Type],
  keyof PlatformEvents["secret.stored"]
>;

/** Records an event about a secret as it is now; `extra` is what this type of event tells beside that. */
export function recordEvent<Type extends SecretEventType>(
  { context }: VaultParts,
  connection: Connection,
  { type, row, extra }: { readonly type: Type; readonly row: SecretRow; readonly extra: EventExtras<Type> },
): Promise<void> {
  const data = { ...scopeOf(row), name: row.name, version: row.version, ...extra };
  const event: NewEvent = { type, ownerId: row.owner_id, subjectId: row.id, data };
  return context.events.record(connection, event);
}

function scopeOf({ scope, scope_id }: SecretPlace): {
  readonly scope: string;
  readonly scopeId: string | null;
} {
  return { scope, scopeId: scope_id === "" ? null : scope_id };
}

/** The error for a place that holds no secret, in the words that every unknown thing is answered with. */
export function noSecret(name: string): PlatformError {
  return new PlatformError("NOT_FOUND", `No secret with id "${name}".`);
}
