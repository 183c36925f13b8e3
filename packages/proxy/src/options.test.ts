import { describe, expect, it } from "vitest";
import { parseOptions } from "./options.ts";
import { proxy } from "./proxy.ts";

describe("options", () => {
  it("have a default each", () => {
    expect(parseOptions({})).toMatchObject({
      callTimeoutMs: 30_000,
      concurrencyPerInstance: 64,
      queuePerInstance: 1_024,
      maxRequestBytes: 4_194_304,
      allowedOrigins: [],
    });
  });

  it("are refused with every mistake named, before anything is made", () => {
    const wrong = { callTimeoutMs: -1, maxSessions: 1.5, nonsense: true } as object;
    expect(() => proxy(wrong)).toThrowError(
      expect.objectContaining({
        code: "INVALID_INPUT",
        details: {
          issues: expect.arrayContaining([
            expect.objectContaining({ path: "callTimeoutMs" }),
            expect.objectContaining({ path: "maxSessions" }),
            expect.objectContaining({ message: expect.stringContaining("nonsense") }),
          ]),
        },
      }),
    );
  });
});
