import { sql } from "kysely";
import { isoTime } from "../clock.ts";
import { PlatformError } from "../errors.ts";
import type { Database } from "./database.ts";

/** Named leases in the database: at most one owner at a time, and a number that grows with every change of owner. */
export interface LeaseStore {
  /** Takes the lease, or extends it if it is this owner's already; returns the fence, or null if somebody holds it. */
  acquire(name: string, ttlMs: number): Promise<number | null>;
  /** Gives it back; does nothing if it was lost meanwhile. */
  release(name: string): Promise<void>;
}

export interface LeaseStoreOptions {
  /** Who takes the leases: a name that no other running process has. */
  readonly owner: string;
}

const NOBODY = "";

/**
 * Leases of one owner. Each claim is one statement, so that of any number of processes one gets it. `acquire` throws
 * `INVALID_INPUT` for an empty name or a time to live that is not a positive number of milliseconds.
 */
export function createLeaseStore(database: Database, options: LeaseStoreOptions): LeaseStore {
  const { owner } = options;
  if (owner === NOBODY) throw invalid("owner", "The owner of leases needs a name.");
  return {
    async acquire(name, ttlMs) {
      if (name === "") throw invalid("name", "A lease needs a name.");
      if (!Number.isFinite(ttlMs) || ttlMs <= 0) {
        throw invalid("ttlMs", `The lease "${name}" needs a time to live above 0 ms, not ${ttlMs}.`);
      }
      const lease = await claim(database, { name, owner, ttlMs });
      return lease === undefined ? null : Number(lease.fence);
    },
    async release(name) {
      // The row stays, so that the fence goes on growing.
      await database.connection
        .updateTable("mcp_leases")
        .set({ owner: NOBODY, expires_at: isoTime(0) })
        .where("name", "=", name)
        .where("owner", "=", owner)
        .execute();
    },
  };
}

// By reference, not as text, so that the table prefix reaches it.
const held = (column: string) => sql.ref(`mcp_leases.${column}`);

function claim(
  database: Database,
  wanted: { readonly name: string; readonly owner: string; readonly ttlMs: number },
): Promise<{ readonly fence: number } | undefined> {
  const { name, owner, ttlMs } = wanted;
  const expires_at = database.now(ttlMs);
  return database.connection
    .insertInto("mcp_leases")
    .values({ name, owner, fence: 1, expires_at })
    .onConflict((conflict) =>
      conflict
        .column("name")
        .doUpdateSet({
          owner,
          expires_at,
          fence: sql<number>`${held("fence")} + case when ${held("owner")} = ${owner} then 0 else 1 end`,
        })
        .where((expression) =>
          expression.or([
            expression("mcp_leases.owner", "=", owner),
            expression("mcp_leases.expires_at", "<=", database.now()),
          ]),
        ),
    )
    .returning("fence")
    .executeTakeFirst();
}

function invalid(path: string, message: string): PlatformError {
  return new PlatformError("INVALID_INPUT", message, { details: { issues: [{ path, message }] } });
}
