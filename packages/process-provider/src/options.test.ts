import { describe, expect, it } from "vitest";
import { checkProviderOptions, parseOptions } from "./options.ts";

describe("options", () => {
  it("have defaults for everything but the state directory", () => {
    expect(parseOptions({})).toMatchObject({
      stopGraceMs: 10_000,
      maxLineBytes: 10_485_760,
      logBytes: 262_144,
      npx: "npx",
      uvx: "uvx",
      environmentAllowList: [],
    });
    expect(parseOptions({}).stateDirectory).toBeUndefined();
  });

  it("that are wrong are all named at once", () => {
    const wrong = { stopGraceMs: -1, npx: "", surprise: 1 } as Parameters<typeof parseOptions>[0];
    try {
      parseOptions(wrong);
      expect.unreachable();
    } catch (error) {
      const { code, message } = error as { readonly code: string; readonly message: string };
      expect(code).toBe("INVALID_INPUT");
      for (const name of ["stopGraceMs", "npx", "surprise"]) expect(message).toContain(name);
    }
  });

  it("of a single instance are none", () => {
    expect(() => checkProviderOptions(undefined)).not.toThrow();
    expect(() => checkProviderOptions({})).not.toThrow();
    expect(() => checkProviderOptions({ cwd: "/" })).toThrow(
      expect.objectContaining({ code: "INVALID_INPUT" }),
    );
  });
});
