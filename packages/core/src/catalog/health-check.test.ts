import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_HEALTH_CHECK, healthCheckSchema } from "./health-check.ts";

describe("a health check", () => {
  it.each([
    ["/ping", { path: "/ping" }],
    [{}, {}],
    [{ path: "/health", interval: 30, timeout: 10 }, { timeoutSeconds: 10 }],
    [
      { endpoint: "/up", interval: 60, timeout: 2, retries: 5 },
      { path: "/up", intervalSeconds: 60, timeoutSeconds: 2, failureThreshold: 5 },
    ],
    [{ intervalSeconds: 10, interval: 10 }, { intervalSeconds: 10 }],
    [{ failureThreshold: 1 }, { failureThreshold: 1 }],
  ])("of %j keeps the defaults but for %j", (source, changes) => {
    expect(healthCheckSchema.parse(source)).toEqual({ ...DEFAULT_HEALTH_CHECK, ...changes });
  });

  it.each([
    ["health"],
    ["//evil.example/x"],
    ["/\\evil.example"],
    ["http://evil.example"],
    ["/a b"],
    ["/a\n"],
    [""],
    [{ path: "/a", endpoint: "/b" }],
    [{ interval: 0 }],
    [{ interval: "30" }],
    [{ retries: 1.5 }],
    [{ every: 30 }],
    [null],
    [[]],
  ])("is not %j", (source) => expect(healthCheckSchema.safeParse(source).success).toBe(false));

  it("never leaves the host it is asked of", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `/${text}`),
          fc.webPath(),
        ),
        (path) => {
          const parsed = healthCheckSchema.safeParse(path);
          if (parsed.success)
            expect(new URL(parsed.data.path, "http://own.test:81").host).toBe("own.test:81");
        },
      ),
    );
  });
});
