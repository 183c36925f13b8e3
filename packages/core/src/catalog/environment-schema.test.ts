import { describe, expect, it } from "vitest";
import { environmentVariablesSchema, headersSchema } from "./environment-schema.ts";

const one = (variable: object) => environmentVariablesSchema.parse([{ name: "X", ...variable }])[0];
const paths = (...variables: object[]) =>
  environmentVariablesSchema
    .safeParse(variables.map((variable) => ({ name: "X", ...variable })))
    .error?.issues.map(({ path }) => path.join("."));

describe("a variable", () => {
  it("is an optional, public text unless it says otherwise", () => {
    expect(one({})).toEqual({
      name: "X",
      type: "string",
      description: "",
      isRequired: false,
      isSecret: false,
      default: null,
    });
  });

  it("takes the older spellings", () => {
    expect(one({ required: true, secret: true })).toMatchObject({ isRequired: true, isSecret: true });
    expect(one({ required: true, isRequired: true })).toMatchObject({ isRequired: true });
    expect(paths({ required: true, isRequired: false })).toEqual(["0.required"]);
    expect(paths({ secret: false, isSecret: true })).toEqual(["0.secret"]);
  });

  it("takes the registry's format for the type", () => {
    expect(one({ format: "number" })).toMatchObject({ type: "number" });
    expect(one({ format: "boolean" })).not.toHaveProperty("format");
    expect(one({ format: "filepath" })).toMatchObject({ type: "string", format: "filepath" });
    expect(one({ format: "number", type: "integer" })).toMatchObject({ type: "integer" });
  });

  it("keeps defaults as text", () => {
    expect(one({ type: "integer", default: 8080 })?.default).toBe("8080");
    expect(one({ type: "boolean", default: false })?.default).toBe("false");
    expect(one({ default: "" })?.default).toBe("");
    expect(one({ default: null })?.default).toBeNull();
  });

  it.each([
    [{ type: "integer", default: "1.5" }],
    [{ type: "integer", default: 1.5 }],
    [{ type: "number", default: "many" }],
    [{ type: "boolean", default: 1 }],
    [{ choices: ["a", "b"], default: "c" }],
    [{ format: "uri", default: "nowhere" }],
    [{ isSecret: true, default: "hunter2" }],
    [{ default: "secret:github" }],
    [{ default: "secret_ref:other:KEY" }],
  ])("has a default that fits: not %j", (variable) => expect(paths(variable)).toEqual(["0.default"]));

  it("has choices of its own type", () => {
    expect(paths({ type: "integer", choices: ["1", "two"] })).toEqual(["0.choices.1"]);
  });

  it.each(["", "1A", "A-B", "A B", "A=B", "A\0", "é", "x".repeat(129)])("is not called %j", (name) => {
    expect(paths({ name })).toContain("0.name");
  });

  it.each(["NODE_OPTIONS", "npm_config_node_options", "LD_PRELOAD", "Path", "__proto__"])(
    "is not %s, which changes which code runs",
    (name) => expect(paths({ name })).toEqual(["0.name"]),
  );

  it("is there once", () => {
    expect(paths({ name: "A" }, { name: "B" }, { name: "A" })).toEqual(["2.name"]);
    expect(paths({ name: "A" }, { name: "a" })).toBeUndefined();
  });

  it("stays the same when it is read again", () => {
    const source = [{ name: "A", required: true, default: 1, format: "number", choices: ["1", "2"] }];
    const parsed = environmentVariablesSchema.parse(source);
    expect(environmentVariablesSchema.parse(parsed)).toEqual(parsed);
  });
});

describe("a header", () => {
  it("may have dashes, and is there once whatever its case", () => {
    expect(headersSchema.parse([{ name: "X-Api-Key", isSecret: true }])[0]).toMatchObject({
      name: "X-Api-Key",
    });
    expect(headersSchema.safeParse([{ name: "X-A" }, { name: "x-a" }]).success).toBe(false);
  });

  it.each([
    "Host",
    "content-length",
    "Transfer-Encoding",
    "Proxy-Authorization",
    "Mcp-Session-Id",
    "a b",
    "a:b",
  ])("is not %j", (name) => expect(headersSchema.safeParse([{ name }]).success).toBe(false));
});
