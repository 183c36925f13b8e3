import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPlatformError } from "../errors.ts";
import { decodeBoolean, decodeJson, encodeBoolean, encodeJson, storableText } from "./codec.ts";

describe("JSON columns", () => {
  it("give back every JSON value that was put in", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const plain = JSON.parse(JSON.stringify(value));
        expect(decodeJson(encodeJson(value), "t.c")).toEqual(plain);
      }),
    );
  });

  it("name the column and never its content when the text is not JSON", () => {
    const failure = () => decodeJson('{"password": hunter2}', "mcp_instances.environment");
    expect(failure).toThrowError(/mcp_instances\.environment/);
    try {
      failure();
    } catch (error) {
      expect(isPlatformError(error, "INTERNAL")).toBe(true);
      expect(`${error} ${(error as Error).cause ?? ""}`).not.toContain("hunter2");
    }
  });

  it("refuse what JSON cannot hold", () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    for (const value of [undefined, () => 1, 1n, circle]) {
      expect(() => encodeJson(value)).toThrowError(expect.objectContaining({ code: "INTERNAL" }));
    }
  });
});

describe("other columns", () => {
  it("hold flags as 0 and 1", () => {
    expect([true, false].map(encodeBoolean)).toEqual([1, 0]);
    expect([1, 0].map(decodeBoolean)).toEqual([true, false]);
  });

  it("hold no NUL character", () => {
    expect(storableText("a\u0000b")).toBe("a\ufffdb");
  });
});
