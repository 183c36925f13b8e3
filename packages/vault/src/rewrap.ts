import { randomInt } from "node:crypto";
import { isPlatformError, parseInput, type RewrapOptions, type RewrapResult } from "@moorage/core";
import { z } from "zod";
import {
  countStrangers,
  type EnvelopeMove,
  findStranger,
  listStrangers,
  moveEnvelope,
  type RewrapRow,
  type RowRange,
} from "./rewrap-store.ts";
import { rewrapEnvelope } from "./seal.ts";
import { contextOf, type VaultParts } from "./secrets.ts";

const DEFAULT_BATCH_SIZE = 100;
/** Rows whose data keys are with the key provider at the same time. */
const ROWS_AT_ONCE = 10;

const optionsSchema = z.strictObject({
  dryRun: z.boolean().optional(),
  batchSize: z.int().min(1).max(1000).optional(),
  signal: z.instanceof(AbortSignal).optional(),
  onProgress: z
    .custom<NonNullable<RewrapOptions["onProgress"]>>((value) => typeof value === "function")
    .optional(),
});

interface Run {
  readonly parts: VaultParts;
  /** The key that everything is moved to. */
  readonly keyId: string;
  readonly isDry: boolean;
  readonly batchSize: number;
}

/**
 * See `Vault.rewrap`. What is stored is always whole: a batch is written or not, and a version that was stored in the
 * meantime is left as it is. Rejects with the signal's reason, or the key provider's error; what was done stays done.
 */
export async function rewrapSecrets(parts: VaultParts, options: RewrapOptions = {}): Promise<RewrapResult> {
  const parsed = parseInput(optionsSchema, options, "rewrap");
  const { dryRun: isDry = false, batchSize = DEFAULT_BATCH_SIZE, signal, onProgress } = parsed;
  signal?.throwIfAborted();
  const run: Run = { parts, keyId: await parts.keys.currentKeyId(), isDry, batchSize };
  let result = await untouched(run);
  try {
    for await (const rows of batches(run, result.remaining)) {
      result = await moveBatch(run, rows, result);
      parts.context.logger.info({ ...result, isDry }, "Secrets were moved to the active master key.");
      onProgress?.(result);
      signal?.throwIfAborted();
    }
    if (!isDry) result = { ...result, remaining: await stillToDo(run, result) };
  } catch (error) {
    await auditRun(run, result, "failed");
    throw error;
  }
  await auditRun(run, result, "allowed");
  return result;
}

async function untouched({ parts, keyId }: Run): Promise<RewrapResult> {
  const remaining = await countStrangers(parts.context.database.connection, keyId);
  return { keyId, rewrapped: 0, remaining, failed: 0 };
}

/** A row that failed still needs its key, but is not to do again in this run. */
async function stillToDo(run: Run, { failed }: RewrapResult): Promise<number> {
  return Math.max(0, (await untouched(run)).remaining - failed);
}

/**
 * Every row that needs another key, once, in batches. They begin somewhere and go round, so that several replicas
 * share the work instead of doing all of it at the same time.
 */
async function* batches(run: Run, total: number): AsyncGenerator<readonly RewrapRow[]> {
  const { connection } = run.parts.context.database;
  if (total === 0) return;
  const start = await findStranger(connection, run.keyId, randomInt(total));
  const ranges: readonly RowRange[] = [{ after: start }, { after: "", upTo: start }];
  for (const { after, upTo } of start === "" ? [{ after: "" }] : ranges) {
    for (let last: string | undefined = after; last !== undefined; ) {
      const range = { after: last, upTo, limit: run.batchSize };
      const rows = await listStrangers(connection, run.keyId, range);
      if (rows.length > 0) yield rows;
      last = rows.at(-1)?.id;
    }
  }
}

async function moveBatch(run: Run, rows: readonly RewrapRow[], before: RewrapResult): Promise<RewrapResult> {
  const prepared = await mapSome(rows, (row) => prepareRow(run, row));
  const failed = prepared.filter(({ hasFailed }) => hasFailed);
  const rewrapped = run.isDry ? 0 : await writeRows(run, prepared);
  if (!run.isDry) for (const { row } of failed) await auditFailure(run, row);
  const seen = run.isDry ? failed.length : rows.length;
  return {
    keyId: run.keyId,
    rewrapped: before.rewrapped + rewrapped,
    remaining: Math.max(0, before.remaining - seen),
    failed: before.failed + failed.length,
  };
}

interface PreparedRow {
  readonly row: RewrapRow;
  readonly moves: readonly EnvelopeMove[];
  readonly hasFailed: boolean;
}

/** Both versions of a secret go by themselves: one that does not open does not hold up the other. */
async function prepareRow(run: Run, row: RewrapRow): Promise<PreparedRow> {
  const moves: EnvelopeMove[] = [];
  let hasFailed = false;
  const versions = [
    { purpose: "value", keyId: row.key_id, from: row.envelope },
    { purpose: "previous", keyId: row.previous_key_id, from: row.previous_envelope },
  ] as const;
  for (const { purpose, keyId, from } of versions) {
    if (from === null || keyId === run.keyId) continue;
    try {
      const to = await rewrapEnvelope(from, { keys: run.parts.keys, context: contextOf(row, purpose) });
      moves.push({ id: row.id, purpose, from, to });
    } catch (error) {
      if (!isPlatformError(error, "DECRYPT_FAILED")) throw error;
      hasFailed = true;
    }
  }
  return { row, moves, hasFailed };
}

/** Returns how many rows need the active key alone now. */
function writeRows({ parts }: Run, prepared: readonly PreparedRow[]): Promise<number> {
  return parts.context.database.transaction(async (transaction) => {
    let whole = 0;
    for (const { moves, hasFailed } of prepared) {
      let isWhole = !hasFailed;
      for (const move of moves) if (!(await moveEnvelope(transaction, move))) isWhole = false;
      if (isWhole) whole += 1;
    }
    return whole;
  });
}

/** The results of `work` in the order of the items, of which a few are worked on at a time. */
async function mapSome<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += ROWS_AT_ONCE) {
    results.push(...(await Promise.all(items.slice(at, at + ROWS_AT_ONCE).map(work))));
  }
  return results;
}

function auditFailure({ parts }: Run, row: RewrapRow): Promise<void> {
  const { scope, scope_id, key_id: keyId, previous_key_id: previousKeyId } = row;
  return parts.context.audit.record({
    actorId: null,
    ownerId: row.owner_id,
    action: "secret.rewrap",
    subjectType: "secret",
    subjectId: row.name,
    outcome: "failed",
    details: { scope, scopeId: scope_id === "" ? null : scope_id, keyId, previousKeyId },
  });
}

function auditRun(run: Run, result: RewrapResult, outcome: "allowed" | "failed"): Promise<void> {
  const { keyId, ...counts } = result;
  return run.parts.context.audit.record({
    actorId: null,
    ownerId: null,
    action: "secret.rewrap",
    subjectType: "key",
    subjectId: keyId,
    outcome,
    details: { ...counts, dryRun: run.isDry },
  });
}
