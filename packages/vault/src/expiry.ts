import { type Connection, isoTime } from "@moorage/core";
import { claimExpired, claimExpiring, dropPrevious } from "./expiry-store.ts";
import { recordEvent } from "./journal.ts";
import type { SecretRow } from "./secret-store.ts";
import type { VaultParts } from "./secrets.ts";

const DAY_MS = 86_400_000;
const ROWS_PER_TRANSACTION = 100;
/** What is more than this waits for the next run. */
const MAXIMUM_TRANSACTIONS = 100;

/** The nearest first: whoever is told that one day is left need not be told of fourteen. */
const WARNING_DAYS = [1, 7, 14] as const;

/** See `Vault.tend`. Any number of replicas may do so at the same time. */
export async function tendSecrets(parts: VaultParts): Promise<void> {
  const { database, clock } = parts.context;
  const limit = ROWS_PER_TRANSACTION;
  const now = isoTime(clock.now());
  const { dialect } = database;
  await inBatches(parts, async (connection) => {
    const rows = await claimExpired(connection, { dialect, now, limit });
    for (const row of rows) {
      await recordEvent(parts, connection, { type: "secret.expired", row, extra: expiryOf(row) });
    }
    return rows.length;
  });
  for (const daysLeft of WARNING_DAYS) {
    const until = isoTime(clock.now() + daysLeft * DAY_MS);
    await inBatches(parts, async (connection) => {
      const rows = await claimExpiring(connection, { dialect, now, until, daysLeft, limit });
      for (const row of rows) {
        const extra = { ...expiryOf(row), daysLeft };
        await recordEvent(parts, connection, { type: "secret.expiring", row, extra });
      }
      return rows.length;
    });
  }
  await inBatches(parts, (connection) => dropPrevious(connection, { dialect, now, limit }));
}

/** Runs `work`, each time in a transaction of its own, until it finds less than a full batch to do. */
async function inBatches(
  { context }: VaultParts,
  work: (connection: Connection) => Promise<number>,
): Promise<void> {
  for (let batch = 0; batch < MAXIMUM_TRANSACTIONS; batch += 1) {
    const done = await context.database.transaction(work);
    if (done > 0) await context.events.deliver();
    if (done < ROWS_PER_TRANSACTION) return;
  }
}

function expiryOf({ expires_at }: SecretRow): { readonly expiresAt: string } {
  return { expiresAt: expires_at ?? "" };
}
