import { describe, expect, it } from "vitest";
import { isPlatformError, PlatformError } from "../errors.ts";
import { isPostgresCollision, isSqliteBusy, type RetryPolicy, withRetries } from "./retry.ts";

const QUICK: RetryPolicy = { totalMs: 5_000, attempts: 4, baseMs: 1, ceilingMs: 2 };
const busy = Object.assign(new Error("database is locked"), { code: "SQLITE_BUSY" });

function failing(times: number, error: unknown) {
  const calls = { count: 0 };
  const attempt = () => {
    calls.count += 1;
    if (calls.count <= times) throw error;
    return "done";
  };
  return { calls, attempt };
}

describe("withRetries", () => {
  it("tries again after a transient failure and returns what succeeds", async () => {
    const { calls, attempt } = failing(3, busy);
    expect(await withRetries(QUICK, isSqliteBusy, attempt)).toBe("done");
    expect(calls.count).toBe(4);
  });

  it("gives up with DATABASE_BUSY and the last failure as cause when the tries are used up", async () => {
    const { calls, attempt } = failing(99, busy);
    await expect(withRetries(QUICK, isSqliteBusy, attempt)).rejects.toSatisfy(
      (error) => isPlatformError(error, "DATABASE_BUSY") && error.cause === busy && error.retryable,
    );
    expect(calls.count).toBe(4);
  });

  it("gives up when the time is over, however many tries there were", async () => {
    const policy = { totalMs: 30, baseMs: 1, ceilingMs: 5 };
    const { calls, attempt } = failing(Number.POSITIVE_INFINITY, busy);
    await expect(withRetries(policy, isSqliteBusy, attempt)).rejects.toMatchObject({ code: "DATABASE_BUSY" });
    expect(calls.count).toBeGreaterThan(2);
  });

  it("passes any other failure on at once", async () => {
    for (const error of [new Error("syntax"), new PlatformError("CONFLICT", "taken")]) {
      const { calls, attempt } = failing(1, error);
      await expect(withRetries(QUICK, isSqliteBusy, attempt)).rejects.toBe(error);
      expect(calls.count).toBe(1);
    }
  });

  it("draws each pause below a ceiling that doubles up to its own ceiling", async () => {
    const drawn: number[] = [];
    const random = () => {
      drawn.push(1);
      return 0;
    };
    await withRetries({ ...QUICK, random }, isSqliteBusy, failing(3, busy).attempt);
    expect(drawn).toHaveLength(3);
  });
});

describe("what is transient", () => {
  it("is SQLITE_BUSY as each library reports it", () => {
    expect(isSqliteBusy({ code: "SQLITE_BUSY" })).toBe(true);
    expect(isSqliteBusy({ code: "SQLITE_BUSY_SNAPSHOT" })).toBe(true);
    expect(isSqliteBusy({ code: "ERR_SQLITE_ERROR", errcode: 5 })).toBe(true);
    expect(isSqliteBusy({ code: "ERR_SQLITE_ERROR", errcode: 261 })).toBe(true);
    expect(isSqliteBusy({ code: "ERR_SQLITE_ERROR", errcode: 19 })).toBe(false);
    expect(isSqliteBusy({ code: "SQLITE_CONSTRAINT" })).toBe(false);
    expect(isSqliteBusy(undefined)).toBe(false);
  });

  it("is a serialization failure or a deadlock on Postgres", () => {
    expect(isPostgresCollision({ code: "40001" })).toBe(true);
    expect(isPostgresCollision({ code: "40P01" })).toBe(true);
    expect(isPostgresCollision({ code: "23505" })).toBe(false);
    expect(isPostgresCollision(null)).toBe(false);
  });
});
