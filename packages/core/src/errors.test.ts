import { expect, test } from "vitest";
import { ERROR_CODES, isPlatformError, PlatformError, toPlatformError } from "./errors.ts";

test("an error knows its status and whether a retry may help", () => {
  const error = new PlatformError("RATE_LIMITED", "slow down", {
    details: { rule: "api", retryAfterMs: 10 },
  });
  expect([error.status, error.retryable, error.details]).toEqual([
    429,
    true,
    { rule: "api", retryAfterMs: 10 },
  ]);
});

test("an error of another copy of the package is recognised by its brand", () => {
  const foreign = Object.assign(new Error("x"), {
    [Symbol.for("moorage.PlatformError")]: true,
    code: "CONFLICT",
  });
  expect(isPlatformError(foreign, "CONFLICT")).toBe(true);
  expect(isPlatformError(foreign, "NOT_FOUND")).toBe(false);
  expect(isPlatformError(new Error("x"))).toBe(false);
  expect(isPlatformError(null)).toBe(false);
});

test("what is not ours becomes INTERNAL, and its text stays inside", () => {
  const secret = new Error("password is hunter2");
  const error = toPlatformError(secret);
  expect([error.code, error.cause]).toEqual(["INTERNAL", secret]);
  expect(error.message).not.toContain("hunter2");
});

test("every code has a status that fits it", () => {
  for (const [code, { status }] of Object.entries(ERROR_CODES)) {
    expect(status, code).toBeGreaterThanOrEqual(400);
    expect(status, code).toBeLessThan(600);
  }
});
