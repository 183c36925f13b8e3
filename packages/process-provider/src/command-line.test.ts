import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Runtime } from "@moorage/core";
import { afterAll, describe, expect, it } from "vitest";
import { scratchFolder } from "../test-support/children.ts";
import { checkRuntime, commandLineOf } from "./command-line.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const launchers = { npx: "npx", uvx: "uvx", packageRoots: [scratch.path] };
const runtime = (changes: Partial<Runtime>): Runtime => ({
  type: "npm",
  transport: "stdio",
  args: [],
  ...changes,
});

function install(name: string, manifest: object): void {
  const folder = join(scratch.path, "node_modules", name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
}

describe("the command line", () => {
  it("of a command is the command, its arguments untouched", async () => {
    const args = ["-c", "a b", "$HOME", ";"];
    expect(await commandLineOf(runtime({ type: "command", command: "./x y", args }), launchers)).toEqual({
      file: "./x y",
      args,
    });
  });

  it("of packages puts the package before all arguments", async () => {
    const args = ["--call", "x"];
    const npm = runtime({ identifier: "@scope/name", version: "1.2.3", args });
    expect(await commandLineOf(npm, launchers)).toEqual({
      file: "npx",
      args: ["--yes", "@scope/name@1.2.3", ...args],
    });
    const pypi = runtime({ type: "pypi", identifier: "mcp-server-time", version: "0.6.2", args });
    expect(await commandLineOf(pypi, launchers)).toEqual({
      file: "uvx",
      args: ["mcp-server-time==0.6.2", ...args],
    });
  });

  it("of an installed package runs its script with this Node", async () => {
    install("one", { version: "1.0.0", bin: "./cli.js" });
    install("@scope/many", { version: "2.0.0", bin: { other: "o.js", many: "dist/index.mjs" } });
    const folder = join(scratch.path, "node_modules");
    expect(await commandLineOf(runtime({ identifier: "one", args: ["-x"] }), launchers)).toEqual({
      file: process.execPath,
      args: [join(folder, "one/cli.js"), "-x"],
    });
    const many = runtime({ identifier: "@scope/many", version: "2.0.0" });
    expect((await commandLineOf(many, launchers)).args).toEqual([join(folder, "@scope/many/dist/index.mjs")]);
  });

  it("of a package in another version, or without a script, is left to npx", async () => {
    install("binary", { version: "1.0.0", bin: "./native" });
    install("none", { version: "1.0.0" });
    for (const changes of [
      { identifier: "one", version: "1.0.1" },
      { identifier: "binary" },
      { identifier: "none" },
    ]) {
      expect((await commandLineOf(runtime(changes), launchers)).file).toBe("npx");
    }
  });
});

describe("a runtime", () => {
  it.each([
    "-c",
    "--call=x",
    "./folder",
    "/etc",
    "..",
    "user/repo",
    "github:user/repo",
    "git+https://example.com/x.git",
    "npm:other@1",
    "name@1.0.0",
    "a b",
    "",
  ])("that names the npm package %j is refused", (identifier) => {
    expect(() => checkRuntime(runtime({ identifier }))).toThrow(
      expect.objectContaining({ code: "INVALID_INPUT" }),
    );
  });

  it.each(["--from", "name[extra]", "name==1", "git+https://x", "./x"])(
    "that names the PyPI package %j is refused",
    (identifier) => {
      expect(() => checkRuntime(runtime({ type: "pypi", identifier }))).toThrow(
        expect.objectContaining({ code: "INVALID_INPUT" }),
      );
    },
  );

  it("that is no exact version, no command or no text is refused", () => {
    const wrong = [
      { identifier: "a", version: "^1.0.0" },
      { identifier: "a", version: "file:x" },
      { type: "command" as const },
      { type: "command" as const, command: " " },
      { identifier: "a", args: ["nul\0"] },
    ];
    for (const changes of wrong) {
      expect(() => checkRuntime(runtime(changes))).toThrow(
        expect.objectContaining({ code: "INVALID_INPUT" }),
      );
    }
  });

  it("that this provider does not run is refused as unsupported", () => {
    for (const changes of [
      { type: "oci" as const },
      { identifier: "a", transport: "streamable-http" as const },
    ]) {
      expect(() => checkRuntime(runtime(changes))).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }));
    }
  });

  it("of the ordinary kinds is accepted", () => {
    for (const identifier of ["a", "@modelcontextprotocol/server-everything", "next.js", "a_b-c"]) {
      expect(() => checkRuntime(runtime({ identifier, version: "2026.8.31-beta.1+x" }))).not.toThrow();
    }
    expect(() => checkRuntime(runtime({ type: "pypi", identifier: "Mcp_Server.time" }))).not.toThrow();
  });
});
