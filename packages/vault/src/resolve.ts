import {
  invalidInput,
  isoTime,
  PlatformError,
  parseInput,
  type ResolvedEnvironment,
  type SecretResolution,
} from "@moorage/core";
import { type FoundSecret, searchSecrets } from "./grant-store.ts";
import { resolutionSchema } from "./input.ts";
import { type AuditOptions, audit } from "./journal.ts";
import { isMalformedReference, parseReference, type SecretReference } from "./reference.ts";
import { openValue } from "./seal.ts";
import { markUsed, type SecretRow } from "./secret-store.ts";
import { contextOf, type VaultParts } from "./secrets.ts";

/** `last_used_at` is written at most once in this time. */
const USE_RESOLUTION_MS = 60_000;

/** See `Vault.resolve`. What cannot be put into the audit is not handed out. Not for use inside a transaction. */
export async function resolveSecrets(
  parts: VaultParts,
  request: SecretResolution,
): Promise<ResolvedEnvironment> {
  const { environment, ...target } = parseInput(resolutionSchema, request, "environment");
  const references = referencesIn(environment);
  if (references.size === 0) return { values: environment, secretNames: [] };
  const rows = await findRows(parts, target, references);
  const values = await openAll(parts, target, rows);
  await noteUse(parts, rows);
  return {
    values: Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [name, values.get(value) ?? value]),
    ),
    secretNames: Object.keys(environment).filter((name) => references.has(environment[name] ?? "")),
  };
}

type Target = Omit<SecretResolution, "environment">;
/** By the reference's text. */
type Rows = ReadonlyMap<string, FoundSecret>;

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

/** Throws `NOT_FOUND` naming every reference for which there is no secret that the instance may use. */
async function findRows(
  parts: VaultParts,
  target: Target,
  references: ReadonlyMap<string, SecretReference>,
): Promise<Rows> {
  const named = [...references.values()];
  const found = await searchSecrets(parts.context.database.connection, {
    ...target,
    names: [...new Set(named.map(({ name }) => name))],
    otherInstanceIds: named.flatMap((reference) => (reference.kind === "name" ? [] : [reference.instanceId])),
  });
  const rows = new Map<string, FoundSecret>();
  const denied: SecretRow[] = [];
  for (const [text, reference] of references) {
    const row = pick(found, reference, target);
    if (!row) continue;
    if (isAllowed(row, target)) rows.set(text, row);
    else denied.push(row);
  }
  await auditOpens(parts, target, { rows: denied, outcomeOf: () => "denied" });
  const missing = [...references.keys()].filter((text) => !rows.has(text));
  if (missing.length > 0) throw noSecret(missing);
  return rows;
}

/** The nearest secret of that name, or the one that is named exactly. */
function pick(
  found: readonly FoundSecret[],
  reference: SecretReference,
  { instanceId }: Target,
): FoundSecret | undefined {
  const named = found.filter(({ name }) => name === reference.name);
  const ofInstance = (id: string) =>
    named.find(({ scope, scope_id }) => scope === "instance" && scope_id === id);
  if (reference.kind === "instance") return ofInstance(reference.instanceId);
  const ofScope = (kind: string) => named.find(({ scope }) => scope === kind);
  return ofInstance(instanceId) ?? ofScope("server") ?? ofScope("owner");
}

/** Another instance's secret that was not granted is answered as one that does not exist. */
function isAllowed({ scope, scope_id, granted_to }: FoundSecret, { instanceId }: Target): boolean {
  return scope !== "instance" || scope_id === instanceId || granted_to === instanceId;
}

/** Values by the reference's text; each secret is opened once, whatever number of references name it. */
async function openAll(parts: VaultParts, target: Target, found: Rows): Promise<ReadonlyMap<string, string>> {
  const rows = uniqueRows(found);
  const opened = await Promise.allSettled(
    rows.map((row) => openValue(row.envelope, { keys: parts.keys, context: contextOf(row, "value") })),
  );
  const failed = new Set(rows.filter((_, at) => opened[at]?.status === "rejected"));
  await auditOpens(parts, target, { rows, outcomeOf: (row) => (failed.has(row) ? "failed" : "allowed") });
  const values = new Map<string, string>();
  for (const [at, result] of opened.entries()) {
    if (result.status === "rejected") throw result.reason;
    const id = rows[at]?.id;
    for (const [text, row] of found) if (row.id === id) values.set(text, result.value);
  }
  return values;
}

function uniqueRows(found: Rows): readonly FoundSecret[] {
  return [...new Map([...found.values()].map((row) => [row.id, row])).values()];
}

interface Opens<Row extends SecretRow> {
  readonly rows: readonly Row[];
  readonly outcomeOf: (row: Row) => NonNullable<AuditOptions["outcome"]>;
}

async function auditOpens<Row extends SecretRow>(
  parts: VaultParts,
  { instanceId }: Target,
  { rows, outcomeOf }: Opens<Row>,
): Promise<void> {
  if (rows.length === 0) return;
  await parts.context.database.transaction(async (connection) => {
    for (const row of rows) {
      const details = { instanceId, purpose: "launch", version: row.version, keyId: row.key_id };
      await audit(parts, row, { connection, action: "secret.open", outcome: outcomeOf(row), details });
    }
  });
}

async function noteUse({ context }: VaultParts, found: Rows): Promise<void> {
  const now = context.clock.now();
  const stale = isoTime(now - USE_RESOLUTION_MS);
  const used = uniqueRows(found).filter(({ last_used_at }) => last_used_at === null || last_used_at <= stale);
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
  return new PlatformError(
    "NOT_FOUND",
    `No secret for ${named}. Store it first, or have it granted if it is another instance's.`,
    { details: { references } },
  );
}
