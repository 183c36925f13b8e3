import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createPlatform, ERROR_CODES } from "@moorage/core";
import { sqlite } from "@moorage/core/sqlite";
import { proxy } from "@moorage/proxy";
import { fakeProvider } from "@moorage/testing";
import ts from "typescript";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { findNodes, parseSource, ROOT } from "./support/architecture/source-files.ts";
import { type CodeBlock, codeBlocks, pages, readPage, typeErrors } from "./support/docs/code-blocks.ts";
import { startProgram } from "./support/programs.ts";

const blocks = pages().flatMap((path) => codeBlocks(path, readPage(path)));

describe("code in the docs", () => {
  it("passes the type checker", { timeout: 120_000 }, () => {
    const broken: CodeBlock = {
      where: "sample.md:1",
      runs: false,
      code: 'import { createPlatform } from "@moorage/core";\ncreatePlatform({ datebase: 1 });\n',
    };
    const errors = typeErrors([...blocks, broken]);
    expect(errors.filter((error) => error.startsWith("sample.md:1 "))).toHaveLength(1);
    expect(errors.filter((error) => !error.startsWith("sample.md:1 ")).join("\n")).toBe("");
  });

  const scratch = mkdtempSync(join(tmpdir(), "moorage-docs-"));
  // Inside the repository, so that imports resolve as they do for its own files.
  const programs = join(ROOT, "node_modules", ".cache", `moorage-docs-${process.pid}`);
  afterAll(() => {
    rmSync(scratch, { recursive: true, force: true });
    rmSync(programs, { recursive: true, force: true });
  });

  it.each(blocks.filter((block) => block.runs))(
    "$where does what it says",
    { timeout: 60_000 },
    async (block) => {
      mkdirSync(programs, { recursive: true });
      const file = join(programs, `${block.where.replaceAll(/\W/g, "-")}.mts`);
      writeFileSync(file, block.code);
      const env = { MOORAGE_KEYS: `k1:${randomBytes(32).toString("base64")}`, PORT: "0" };
      const cwd = mkdtempSync(join(scratch, "run-"));
      const flags = ["--conditions=@moorage/source", "--import", import.meta.resolve("tsx")];
      const program = startProgram(process.execPath, [...flags, file], { cwd, env });
      // Unlike a finally block, this is done after a timeout as well.
      onTestFinished(() => program.stop());
      await program.untilOutput(/\n/);
      if (program.printed().includes("answers below")) program.child.kill("SIGTERM");
      expect(await program.ended, program.output()).toBe(0);
      expect(program.output()).not.toContain("Error");
    },
  );
});

describe("links in the docs", () => {
  const readmes = ["quickstart", "express", "fastify", "custom-provider"].map(
    (name) => `examples/${name}/README.md`,
  );

  it("lead somewhere", () => {
    const links = [...pages(), ...readmes].flatMap((path) =>
      [...readPage(path).matchAll(/\]\(([^)#:]+)(#[^)]*)?\)/g)].map((match) => ({
        path,
        target: match[1] ?? "",
      })),
    );
    expect(links.length).toBeGreaterThan(20);
    const dead = links.filter(({ path, target }) => !existsSync(join(ROOT, dirname(path), target)));
    expect(dead).toEqual([]);
  });

  it("reach every page of the docs from the README", () => {
    const linked = new Set<string>();
    const queue = ["README.md"];
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      if (linked.has(path)) continue;
      linked.add(path);
      for (const [, target] of readPage(path).matchAll(/\]\(([^)#:]+\.md)\)/g))
        queue.push(join(dirname(path), target ?? ""));
    }
    const unreached = pages().filter((path) => !path.startsWith("docs/decisions/") && !linked.has(path));
    expect(unreached).toEqual([]);
  });
});

/** The cells of every row of a page's tables, without headings. */
function tableRows(path: string): string[][] {
  return readPage(path)
    .split("\n")
    .filter((line) => line.startsWith("| ") && !/^\|\s*---/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
}

describe("the reference", () => {
  it("lists every error code with its status and whether it may be retried", () => {
    const listed = tableRows("docs/reference/errors.md")
      .slice(1)
      .map((row) => row.slice(0, 3).join(" "));
    const known = Object.entries(ERROR_CODES).map(
      ([code, { status, retryable }]) => `\`${code}\` ${status} ${retryable ? "yes" : "no"}`,
    );
    expect(listed.sort()).toEqual(known.sort());
  });

  it("lists every option, limit and timeout", () => {
    const source = "packages/core/src/platform-types.ts";
    const wanted = findNodes(parseSource(source, readPage(source)), ts.isInterfaceDeclaration)
      .filter((node) => /^Platform(Options|Limits|Timeouts)$/.test(node.name.text))
      .flatMap((node) => node.members.flatMap((member) => member.name?.getText() ?? []));
    const listed = new Set(tableRows("docs/reference/options.md").map(([name]) => name));
    expect(wanted.length).toBeGreaterThan(20);
    expect(wanted.filter((name) => !listed.has(`\`${name}\``))).toEqual([]);
  });

  it("maps the source documents' endpoints to routes that exist, or says later", async () => {
    const platform = createPlatform({
      database: sqlite(":memory:"),
      providers: { fake: fakeProvider() },
      proxy: proxy(),
    });
    const response = await platform.handler(new Request("http://localhost/moorage/openapi.json"));
    const { paths } = (await response.json()) as { readonly paths: Record<string, Record<string, unknown>> };
    await platform.close();
    const existing = new Set(
      Object.entries(paths).flatMap(([path, methods]) =>
        Object.keys(methods).flatMap((method) => [
          `${method.toUpperCase()} ${shape(path)}`,
          `ANY ${shape(path)}`,
        ]),
      ),
    );
    const rows = tableRows("docs/reference/source-endpoints.md").slice(1);
    const missing = rows.flatMap(([id, , here = ""]) =>
      here.startsWith("*later*")
        ? []
        : routesIn(here)
            .filter((route) => !existing.has(route))
            .map((route) => `${id}: ${route}`),
    );
    expect(missing).toEqual([]);
    const later = rows.flatMap(([, , here = ""]) => (here.startsWith("*later*") ? routesIn(here) : []));
    expect(
      later.filter((route) => existing.has(route)),
      "marked as later, but there already",
    ).toEqual([]);
    expect(rows.length).toBeGreaterThanOrEqual(46);
  });
});

/** A path without the base path and the names of its parameters. */
function shape(path: string): string {
  return path.replace(/^\/moorage/, "").replaceAll(/\{[^}]+\}/g, "{}");
}

function routesIn(cell: string): string[] {
  return [...cell.matchAll(/`([A-Z]+) ([^`]+)`/g)].map(
    ([, method, path]) => `${method} ${shape(path ?? "")}`,
  );
}
