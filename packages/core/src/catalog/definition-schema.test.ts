import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseInput } from "../input.ts";
import { serverDefinitionSchema } from "./definition-schema.ts";

const minimal = {
  name: "io.github.user/weather",
  description: "Tells the weather.",
  packages: [{ registryType: "npm", identifier: "weather" }],
};
const parse = (changes: object = {}) => serverDefinitionSchema.parse({ ...minimal, ...changes });
function paths(changes: object): readonly string[] {
  try {
    parseInput(serverDefinitionSchema, { ...minimal, ...changes }, "server definition");
  } catch (error) {
    return (error as { details: { issues: { path: string }[] } }).details.issues.map(({ path }) => path);
  }
  return [];
}
const packagePaths = (candidate: object) => paths({ packages: [candidate] });

describe("a server definition", () => {
  it("gets its defaults", () => {
    expect(parse()).toEqual({
      name: "io.github.user/weather",
      title: null,
      description: "Tells the weather.",
      version: null,
      visibility: "private",
      tags: [],
      packages: [
        {
          registryType: "npm",
          identifier: "weather",
          args: [],
          transport: { type: "stdio" },
          environmentVariables: [],
        },
      ],
      remotes: [],
      healthCheck: { path: "/health", intervalSeconds: 30, timeoutSeconds: 5, failureThreshold: 3 },
      resources: null,
      metadata: {},
    });
  });

  it("is its own input: reading it again changes nothing", () => {
    const whole = parse({
      title: "Weather",
      version: "1.0.0",
      visibility: "public",
      tags: ["a"],
      packages: [
        {
          registryType: "command",
          command: "node",
          args: ["a.js", ""],
          environmentVariables: [{ name: "A", format: "number", default: 1 }],
        },
        { registryType: "oci", identifier: "ghcr.io/a/b:1", transport: { type: "sse" } },
      ],
      remotes: [{ type: "sse", url: "https://example.com/sse", headers: [{ name: "X-Key", secret: true }] }],
      healthCheck: "/up",
      resources: { memory: "1g", cpu: "0.5" },
      metadata: { deep: { list: [1, "two", null] } },
    });
    expect(serverDefinitionSchema.parse(whole)).toEqual(whole);
  });

  it("names every problem at once", () => {
    expect(
      paths({
        name: "-x",
        description: "",
        visibility: "secret",
        extra: 1,
        packages: [{ registryType: "nuget" }],
      }).toSorted(),
    ).toEqual(["description", "extra", "name", "packages.0.registryType", "visibility"]);
  });

  it.each(["", "-a", "a b", "a\n", "é", ".a", "/a", "a".repeat(201), "a;b"])("is not called %j", (name) => {
    expect(paths({ name })).toEqual(expect.arrayContaining(["name"]));
  });

  it("needs a way to be run", () => {
    expect(paths({ packages: [] })).toEqual(["packages"]);
    expect(paths({ packages: undefined, remotes: [] })).toEqual(["packages"]);
    expect(paths({ packages: [], remotes: [{ type: "sse", url: "https://a.example/" }] })).toEqual([]);
  });

  it("has bounds everywhere", () => {
    const [one] = minimal.packages;
    expect(paths({ packages: Array(17).fill(one) })).toEqual(["packages"]);
    expect(packagePaths({ ...one, args: Array(257).fill("a") })).toEqual(["packages.0.args"]);
    expect(packagePaths({ ...one, args: ["a".repeat(8193)] })).toEqual(["packages.0.args.0"]);
    expect(packagePaths({ ...one, args: Array(17).fill("a".repeat(8000)) })).toEqual(["packages.0.args"]);
    expect(paths({ description: "a".repeat(2001) })).toEqual(["description"]);
    expect(paths({ tags: Array(51).fill("a") })).toEqual(["tags"]);
    expect(paths({ metadata: { text: "a".repeat(70_000) } })).toEqual(["metadata"]);
  });

  it("takes no metadata that JSON cannot hold or that is nested without end", () => {
    let deep: object = {};
    for (let level = 0; level < 10_000; level += 1) deep = { deep };
    for (const metadata of [
      deep,
      { a: undefined },
      { a: 1n },
      { a: () => 1 },
      { a: Number.NaN },
      { a: new Date() },
    ]) {
      expect(paths({ metadata })).toEqual(["metadata"]);
    }
  });

  it("says at which package and field a launch is not plain", () => {
    expect(packagePaths({ registryType: "command", command: "npx", args: ["-c", "id"] })).toEqual([
      "packages.0.args",
    ]);
    expect(packagePaths({ registryType: "command", command: "sh", args: [] })).toEqual(["packages.0.args"]);
    expect(packagePaths({ registryType: "command", command: "docker", args: ["run"] })).toEqual([
      "packages.0.command",
    ]);
    expect(packagePaths({ registryType: "command" })).toEqual(["packages.0.command"]);
    expect(packagePaths({ registryType: "npm", identifier: "git+ssh://x" })).toEqual([
      "packages.0.identifier",
    ]);
    expect(packagePaths({ registryType: "npm", identifier: "x", version: "latest" })).toEqual([
      "packages.0.version",
    ]);
  });

  it.each(["a\0b", "a\nb", "a\rb"])("has no line breaks or NUL in %j", (text) => {
    expect(packagePaths({ registryType: "command", command: text })).toEqual(["packages.0.command"]);
    expect(packagePaths({ registryType: "oci", identifier: text })).toContain("packages.0.identifier");
  });

  it("allows any text but NUL in an argument", () => {
    const [one] = minimal.packages;
    expect(packagePaths({ ...one, args: ["", "a\nb", "$(id)", "é 🚢"] })).toEqual([]);
    expect(packagePaths({ ...one, args: ["a\0b"] })).toEqual(["packages.0.args.0"]);
  });

  it.each([
    "javascript:alert(1)",
    "file:///etc/passwd",
    "https://user:pass@example.com/",
    "https://example.com/{tenant}",
    "https://",
    "example.com",
    "https://a b/",
  ])("has no remote at %j", (url) => {
    expect(paths({ remotes: [{ type: "sse", url }] })).toContain("remotes.0.url");
  });

  it("never repeats a value that it refuses", () => {
    const variables = [{ name: "KEY", isSecret: true, default: "hunter2" }, { name: "hunter2!" }];
    try {
      parseInput(
        serverDefinitionSchema,
        {
          ...minimal,
          packages: [
            {
              registryType: "command",
              command: "node",
              args: ["-e", "hunter2"],
              environmentVariables: variables,
            },
          ],
        },
        "server definition",
      );
      expect.unreachable();
    } catch (error) {
      const { message, details } = error as { message: string; details: unknown };
      expect(JSON.stringify([message, details])).not.toContain("hunter2");
    }
  });

  it("survives any JSON with an answer", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        serverDefinitionSchema.safeParse(value);
        serverDefinitionSchema.safeParse({ ...minimal, packages: value, remotes: value, healthCheck: value });
        serverDefinitionSchema.safeParse({
          ...minimal,
          packages: [value],
          resources: value,
          metadata: value,
        });
      }),
    );
  });
});
