import type { Connection, Dialect } from "@moorage/core";
import type { SecretRow } from "./secret-store.ts";

/** Each claim is one statement, so that of any number of replicas one gets a row; times are ISO-8601 UTC text. */
export interface ClaimOptions {
  readonly dialect: Dialect;
  readonly now: string;
  readonly limit: number;
}

const secrets = (connection: Connection) => connection.withTables<{ mcp_secrets: SecretRow }>();

/** Secrets that have expired, and of which nobody was told yet. */
export function claimExpired(
  connection: Connection,
  { dialect, now, limit }: ClaimOptions,
): Promise<readonly SecretRow[]> {
  const due = secrets(connection)
    .selectFrom("mcp_secrets")
    .select("id")
    .where("expires_at", "<=", now)
    .where("expired_notified", "=", 0)
    .orderBy("expires_at")
    .limit(limit)
    // Without this, two replicas would wait for each other's rows.
    .$if(dialect === "postgres", (rows) => rows.forUpdate().skipLocked());
  return secrets(connection)
    .updateTable("mcp_secrets")
    .set({ expired_notified: 1 })
    .where("id", "in", due)
    .where("expired_notified", "=", 0)
    .returningAll()
    .execute();
}

/**
 * Secrets that expire by `until`, and of which nobody was told at `daysLeft` or nearer. A secret that is to be rotated
 * every few days is not told of more days than it ever has.
 */
export function claimExpiring(
  connection: Connection,
  {
    dialect,
    now,
    limit,
    until,
    daysLeft,
  }: ClaimOptions & { readonly until: string; readonly daysLeft: number },
): Promise<readonly SecretRow[]> {
  const due = secrets(connection)
    .selectFrom("mcp_secrets")
    .select("id")
    .where("expires_at", ">", now)
    .where("expires_at", "<=", until)
    .where("rotate_after_days", ">", daysLeft)
    .where((eb) => eb.or([eb("warned_days", "is", null), eb("warned_days", ">", daysLeft)]))
    .orderBy("expires_at")
    .limit(limit)
    .$if(dialect === "postgres", (rows) => rows.forUpdate().skipLocked());
  return secrets(connection)
    .updateTable("mcp_secrets")
    .set({ warned_days: daysLeft })
    .where("id", "in", due)
    .where("expires_at", ">", now)
    .returningAll()
    .execute();
}

/** Destroys versions before the current one whose grace is over. Returns how many. */
export async function dropPrevious(
  connection: Connection,
  { dialect, now, limit }: ClaimOptions,
): Promise<number> {
  const due = secrets(connection)
    .selectFrom("mcp_secrets")
    .select("id")
    .where("previous_until", "<=", now)
    .orderBy("previous_until")
    .limit(limit)
    .$if(dialect === "postgres", (rows) => rows.forUpdate().skipLocked());
  const dropped = await secrets(connection)
    .updateTable("mcp_secrets")
    .set({ previous_envelope: null, previous_key_id: null, previous_until: null })
    .where("id", "in", due)
    .where("previous_until", "<=", now)
    .executeTakeFirst();
  return Number(dropped.numUpdatedRows);
}
