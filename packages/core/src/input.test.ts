import { describe, expect, it } from "vitest";
import { z } from "zod";
import { isPlatformError } from "./errors.ts";
import { invalidInput, parseInput, withoutUndefined } from "./input.ts";
import { blockText, lineText } from "./input-fields.ts";

const schema = z.strictObject({
  name: z.string().min(1),
  list: z.array(z.union([z.string(), z.strictObject({ port: z.int() })])).optional(),
});

function failure(value: unknown, of: z.ZodType = schema) {
  try {
    parseInput(of, value, "thing");
  } catch (error) {
    if (isPlatformError(error, "INVALID_INPUT")) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

const pathsOf = (value: unknown) => failure(value).details?.issues.map(({ path }) => path);

describe("parseInput", () => {
  it("returns what the schema makes of the value", () => {
    expect(parseInput(z.object({ a: z.string().default("x") }), {}, "thing")).toEqual({ a: "x" });
  });

  it("reports every problem at once, each with its path", () => {
    expect(pathsOf({ name: "", list: [1], more: 1, most: 2 })).toEqual(["name", "list.0", "more", "most"]);
    expect(failure({ name: 1, more: 1 }).message).toBe(
      "The thing is not valid: name: Invalid input: expected string, received number; more: is not a known field.",
    );
  });

  it("says of a union what is wrong with the branch that got furthest", () => {
    expect(pathsOf({ name: "x", list: [{ port: "80" }] })).toEqual(["list.0.port"]);
    expect(pathsOf({ name: "x", list: [{ prt: 80 }] })).toContain("list.0.port");
  });

  it("uses an empty path for the input as a whole", () => {
    expect(pathsOf(null)).toEqual([""]);
    expect(failure(null).message).toMatch(/^The thing is not valid: Invalid input/);
  });

  it("never repeats a value", () => {
    const value = { name: ["hunter2"], list: [{ port: "hunter2" }, { port: { deep: "hunter2" } }] };
    expect(JSON.stringify([failure(value).message, failure(value).details])).not.toContain("hunter2");
  });

  it("stays short, whatever is sent", () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`field${index}`, index]));
    const error = failure({ name: "x", ...many, ["k".repeat(100_000)]: 1 });
    expect(error.details?.issues).toHaveLength(50);
    expect(error.message).toMatch(/; and 9996 more\.$/);
    expect(error.message.length).toBeLessThan(2000);
  });

  it("refuses an own __proto__ member like any other unknown one", () => {
    expect(pathsOf(JSON.parse('{"name":"x","__proto__":{"admin":true}}'))).toEqual(["__proto__"]);
  });
});

describe("invalidInput", () => {
  it("puts the problems into words", () => {
    const error = invalidInput("role table", [{ path: "a.0", message: "is odd." }]);
    expect(error.message).toBe("The role table is not valid: a.0: is odd.");
    expect(error.status).toBe(400);
  });
});

describe("withoutUndefined", () => {
  it("drops members that are undefined and keeps the rest, null included", () => {
    const value: { a?: number | undefined; b: null; c: string } = { a: undefined, b: null, c: "" };
    expect(Object.keys(withoutUndefined(value))).toEqual(["b", "c"]);
  });
});

describe("text fields", () => {
  it.each(["", "a\nb", "a\u0000", "\u007f", "\ud800", "x".repeat(11)])("of one line refuse %j", (text) => {
    expect(lineText(10).safeParse(text).success).toBe(false);
  });

  it("take any other Unicode text", () => {
    expect(lineText(10).parse("é 日本 🚢")).toBe("é 日本 🚢");
    expect(blockText(10).parse("a\n\tb")).toBe("a\n\tb");
  });

  it.each(["", "\u0000", "\u001b[31m", "\udfff"])("of several lines refuse %j", (text) => {
    expect(blockText(10).safeParse(text).success).toBe(false);
  });
});
