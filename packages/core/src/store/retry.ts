import { isPlatformError, PlatformError } from "../errors.ts";

/** How long and how often something is tried again; pauses are drawn at random below a doubling ceiling. */
export interface RetryPolicy {
  /** Milliseconds from the first try after which it is given up. */
  readonly totalMs: number;
  /** Tries in all; without it only the time counts. */
  readonly attempts?: number;
  /** Ceiling of the first pause, in milliseconds. */
  readonly baseMs: number;
  /** Ceiling of every pause, in milliseconds. */
  readonly ceilingMs: number;
  /** Numbers from 0 to 1, for the pauses. */
  readonly random?: () => number;
}

/** What SQLite's write lock is waited for: ten seconds, in pauses of at most a twentieth of a second. */
export const LOCK_POLICY: RetryPolicy = { totalMs: 10_000, baseMs: 4, ceilingMs: 50 };

/** What a Postgres transaction gets that collides with another one. */
export const COLLISION_POLICY: RetryPolicy = { totalMs: 10_000, attempts: 6, baseMs: 20, ceilingMs: 500 };

/**
 * Runs `attempt` until it succeeds or fails for another reason than `isTransient` knows. Throws `DATABASE_BUSY`
 * with the last failure as its cause when the policy is used up.
 */
export async function withRetries<Result>(
  policy: RetryPolicy,
  isTransient: (error: unknown) => boolean,
  attempt: () => Promise<Result> | Result,
): Promise<Result> {
  const startedAt = performance.now();
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (isPlatformError(error) || !isTransient(error)) throw error;
      const isOver = performance.now() - startedAt >= policy.totalMs;
      if (isOver || tries >= (policy.attempts ?? Number.POSITIVE_INFINITY)) throw databaseBusy(error);
    }
    await pause(jitter(policy, tries));
  }
}

function jitter(policy: RetryPolicy, tries: number): number {
  const random = policy.random ?? Math.random;
  return random() * Math.min(policy.ceilingMs, policy.baseMs * 2 ** Math.min(tries - 1, 20));
}

// Keeps the process alive, unlike the platform's clock: a script that only waits for the lock must not end.
function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/** The error for a lock that was not to be had in time. */
export function databaseBusy(cause?: unknown): PlatformError {
  return new PlatformError(
    "DATABASE_BUSY",
    "The database was locked by other work for too long. Nothing was written; try again.",
    cause === undefined ? {} : { cause },
  );
}

/** SQLite's `SQLITE_BUSY` in all its forms, as libsql, better-sqlite3 and node:sqlite report it. */
export function isSqliteBusy(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown };
  if (typeof code === "string" && code.startsWith("SQLITE_BUSY")) return true;
  return typeof errcode === "number" && (errcode & 0xff) === 5;
}

/** Postgres ended the transaction because of another one, and the same work may succeed now. */
export function isPostgresCollision(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code } = error as { readonly code?: unknown };
  return code === "40001" || code === "40P01";
}
