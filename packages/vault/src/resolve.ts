import { invalidInput, isoTime, PlatformError, parseInput, type SecretResolution } from "@moorage/core";
import { resolutionSchema } from "./input.ts";
import { isMalformedReference, parseReference, type SecretReference } from "./reference.ts";
import { openValue } from "./seal.ts";
import { findSecrets, markUsed, type SecretRow } from "./secret-store.ts";
import { contextOf, type VaultParts } from "./secrets.ts";

/** `last_used_at` is written at most once in this time. */
const USE_RESOLUTION_MS = 60_000;

/** See `Vault.resolve`. Not for use inside a transaction. */
export async function resolveSecrets(
  parts: VaultParts,
  request: SecretResolution,
): Promise<Record<string, string>> {
  const { environment, ...target } = parseInput(resolutionSchema, request, "environment");
  const references = referencesIn(environment);
  if (references.size === 0) return environment;
  const rows = await findRows(parts, target, references);
  const values = await openAll(parts, rows);
  await noteUse(parts, [...rows.values()]);
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, values.get(value) ?? value]),
  );
}

type Target = Pick<SecretResolution, "ownerId" | "instanceId">;

function referencesIn(environment: Readonly<Record<string, string>>): Map<string, SecretReference> {
  const malformed = Object.entries(environment).filter(([, value]) => isMalformedReference(value));
  if (malformed.length > 0) {
    // The value itself is not repeated: it may be a secret that happens to begin like this.
    const message = `starts like a reference but is none; a literal that does so must be stored as a secret`;
    throw invalidInput(
      "environment",
      malformed.map(([name]) => ({ path: name, message })),
    );
  }
  const references = Object.values(environment).map((value) => [value, parseReference(value)] as const);
  return new Map(references.flatMap(([value, reference]) => (reference ? [[value, reference]] : [])));
}

/** The row of every reference, by the reference's text; throws `NOT_FOUND` naming those that have none. */
async function findRows(
  parts: VaultParts,
  target: Target,
  references: ReadonlyMap<string, SecretReference>,
): Promise<Map<string, SecretRow>> {
  const namesOf = (kind: SecretReference["kind"]) =>
    [...references.values()].filter((reference) => reference.kind === kind).map(({ name }) => name);
  const found = await findSecrets(parts.context.database.connection, {
    ...target,
    ownerNames: namesOf("owner"),
    instanceNames: namesOf("instance"),
  });
  const rows = new Map<string, SecretRow>();
  for (const [text, reference] of references) {
    const row = found.find(({ scope, name }) => scope === reference.kind && name === reference.name);
    if (row && isAllowed(reference, target)) rows.set(text, row);
  }
  const missing = [...references.keys()].filter((text) => !rows.has(text));
  if (missing.length > 0) throw noSecret(missing);
  return rows;
}

/** Another instance's secret is answered as one that does not exist. */
function isAllowed(reference: SecretReference, { instanceId }: Target): boolean {
  return reference.kind === "owner" || reference.instanceId === instanceId;
}

async function openAll(
  parts: VaultParts,
  rows: ReadonlyMap<string, SecretRow>,
): Promise<Map<string, string>> {
  const opening = [...rows].map(async ([text, row]) => {
    const context = contextOf(row);
    return [text, await openValue(row.envelope, { keys: parts.keys, context })] as const;
  });
  return new Map(await Promise.all(opening));
}

async function noteUse({ context }: VaultParts, rows: readonly SecretRow[]): Promise<void> {
  const now = context.clock.now();
  const stale = isoTime(now - USE_RESOLUTION_MS);
  const used = rows.filter(({ last_used_at }) => last_used_at === null || last_used_at <= stale);
  try {
    await markUsed(
      context.database.connection,
      used.map(({ id }) => id),
      isoTime(now),
    );
  } catch (error) {
    // A launch does not fail because a note about it could not be written.
    context.logger.warn({ error }, "The time of use of some secrets could not be stored.");
  }
}

function noSecret(references: readonly string[]): PlatformError {
  const named = references.map((reference) => `"${reference}"`).join(", ");
  return new PlatformError("NOT_FOUND", `No secret for ${named}. Store it first.`, {
    details: { references },
  });
}
