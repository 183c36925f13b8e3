import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  errorClasses,
  functionSizes,
  hostGlobals,
  longFiles,
  longFunctions,
  longParameterLists,
  overNinetiethPercentile,
  strayQueries,
  typeEscapes,
} from "./support/architecture/code-rules.ts";
import {
  floorViolations,
  importCycles,
  importGraph,
  undeclaredImports,
  unusedDependencies,
} from "./support/architecture/imports.ts";
import {
  installScriptViolations,
  manifestViolations,
  publishedPackages,
  requiredFolders,
  type WorkspacePackage,
} from "./support/architecture/manifests.ts";
import {
  countLines,
  isTest,
  packageOf,
  parseSource,
  ROOT,
  readSources,
  report,
  type SourceFile,
  type Violation,
} from "./support/architecture/source-files.ts";

const packages = publishedPackages();
const all = readSources("packages");
const sources = all.filter((file) => !isTest(file));
/** Programs that a package ships beside its sources: the fixture servers. */
const scripts = readSources("packages", ".mjs");

/** Holds a rule over files, and on a sample that breaks it: a rule that cannot fail holds nothing. */
function holds(
  name: string,
  rule: (file: SourceFile) => readonly Violation[],
  against: { readonly files: readonly SourceFile[]; readonly bad: SourceFile; readonly finds: number },
): void {
  it(name, () => {
    expect(rule(against.bad), "the rule must fail on its bad sample").toHaveLength(against.finds);
    expect(report(against.files.flatMap(rule))).toBe("");
  });
}

function sample(text: string, path = "packages/core/src/sample.ts"): SourceFile {
  return parseSource(path, text);
}

function packageNamed(folder: string): WorkspacePackage {
  const found = packages.find((pack) => pack.folder === folder);
  if (!found) throw new Error(`no package ${folder}`);
  return found;
}

describe("imports", () => {
  holds("go to lower floors only, and only through exports", (file) => floorViolations(file, packages), {
    files: all,
    bad: sample(
      [
        'import "@moorage/proxy";',
        'import type { Vault } from "@moorage/vault";',
        'export * from "../../core/src/errors.ts";',
        'type Inner = import("@moorage/core/src/errors.ts").ErrorCode;',
        'import { PlatformError } from "@moorage/core";',
      ].join("\n"),
      "packages/vault/src/sample.ts",
    ),
    finds: 4,
  });

  it("of a package's unit tests stay on its floor as well", () => {
    const bad = sample(
      'import { fakeProvider } from "@moorage/testing";',
      "packages/vault/src/sample.test.ts",
    );
    expect(report(floorViolations(bad, packages))).toContain("packages/vault/src/sample.test.ts:1 [floors]");
  });

  it("form no cycle, type imports included", () => {
    const ring = [
      sample('import type { B } from "./b.ts";', "packages/core/src/a.ts"),
      sample('export { C } from "./c.ts";', "packages/core/src/b.ts"),
      sample('export type C = import("./a.ts").A;', "packages/core/src/c.ts"),
    ];
    expect(report(importCycles(importGraph(ring, packages)))).toContain(
      "packages/core/src/a.ts -> packages/core/src/b.ts -> packages/core/src/c.ts -> packages/core/src/a.ts",
    );
    expect(report(importCycles(importGraph(sources, packages)))).toBe("");
  });

  const ownPackage = (file: SourceFile) => packageNamed(packageOf(file.path) ?? "");
  holds("name declared libraries only", (file) => undeclaredImports(file, ownPackage(file)), {
    files: sources,
    bad: sample('import leftPad from "left-pad";\nimport { readFileSync } from "node:fs";\nimport "zod";'),
    finds: 1,
  });

  it("use every declared dependency", () => {
    const idle = { folder: "core", manifest: { name: "@moorage/core", dependencies: { "left-pad": "1" } } };
    expect(unusedDependencies(idle, sources, packages)).toHaveLength(1);
    const unused = packages.flatMap((pack) => {
      const own = [...sources, ...scripts].filter((file) => packageOf(file.path) === pack.folder);
      return unusedDependencies(pack, own, packages);
    });
    expect(report(unused)).toBe("");
  });
});

describe("published packages", () => {
  it("say what they promise in package.json", () => {
    const bare = {
      folder: "bare",
      manifest: { name: "bare", exports: { ".": { import: "./dist/index.js" } } },
    };
    expect(manifestViolations(bare)).toHaveLength(5);
    expect(report(packages.flatMap(manifestViolations))).toBe("");
  });

  const scratch = mkdtempSync(join(tmpdir(), "moorage-architecture-"));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it("require nothing that has an install script, however deep", () => {
    writePackage(scratch, { name: "top", dependencies: { middle: "1" } });
    writePackage(join(scratch, "node_modules/middle"), { name: "middle", peerDependencies: { native: "1" } });
    writePackage(join(scratch, "node_modules/native"), { name: "native", scripts: { install: "node-gyp" } });
    expect(report(installScriptViolations("top", requiredFolders(scratch)))).toContain("requires native");

    const found = packages.flatMap(({ folder }) => {
      const path = join(ROOT, "packages", folder);
      return installScriptViolations(`packages/${folder}`, requiredFolders(path));
    });
    expect(report(found)).toBe("");
  });
});

function writePackage(folder: string, manifest: object): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
}

describe("sizes", () => {
  holds("files have at most 300 lines", longFiles, {
    files: sources,
    bad: sample("const a = 1;\n".repeat(301)),
    finds: 1,
  });

  it("nine of ten files have at most 150 lines", () => {
    const measures = sources.map(({ path, text }) => ({ where: `${path}:1`, lines: countLines(text) }));
    const long = Array.from({ length: 9 }, (_, index) => ({ where: `long-${index}.ts:1`, lines: 151 }));
    const short = Array.from({ length: 80 }, () => ({ where: "short.ts:1", lines: 10 }));
    expect(overNinetiethPercentile([...short, ...long], 150)).toHaveLength(9);
    expect(overNinetiethPercentile([...short, ...long.slice(1)], 150)).toEqual([]);
    expect(report(overNinetiethPercentile(measures, 150))).toBe("");
  });

  holds("functions have at most 50 lines", longFunctions, {
    files: sources,
    bad: sample(`const long = () => {\n${"  step();\n".repeat(50)}};\nfunction short() {}`),
    finds: 1,
  });

  it("nine of ten functions have at most 20 lines", () => {
    expect(report(overNinetiethPercentile(sources.flatMap(functionSizes), 20))).toBe("");
  });

  holds("functions take at most three parameters", longParameterLists, {
    files: sources,
    bad: sample("function f(a: 1, b: 2, c: 3, d: 4) {}\ninterface I { g(a: 1, b: 2, c: 3): void }"),
    finds: 1,
  });

  it("tests are between 0.8 and 2.5 times as long as the sources", () => {
    const length = (files: readonly SourceFile[]) =>
      files.reduce((sum, { text }) => sum + countLines(text), 0);
    const ratio = length([...all.filter(isTest), ...readSources("test")]) / length(sources);
    expect(ratio, `tests / sources = ${ratio.toFixed(2)}`).toBeGreaterThanOrEqual(0.8);
    expect(ratio, `tests / sources = ${ratio.toFixed(2)}`).toBeLessThanOrEqual(2.5);
  });
});

describe("sources", () => {
  holds("do not step around the type checker", typeEscapes, {
    files: sources,
    bad: sample(
      "const a = b as any;\nconst c = d as Record<string, any>;\nconst e = f!;\n// @ts-expect-error hidden\nclass G { h!: string }",
    ),
    finds: 5,
  });

  it("have exactly one error class", () => {
    const bad = sample("class One extends Error {}\nconst Two = class extends TypeError {};\nclass Three {}");
    expect(errorClasses(bad)).toHaveLength(2);
    expect(sources.flatMap(errorClasses)).toEqual([
      expect.stringMatching(/^packages\/core\/src\/errors\.ts:/),
    ]);
  });

  holds("keep SQL in the store and in store files", strayQueries, {
    files: sources,
    bad: sample('db.selectFrom("mcp_servers");\nsql`select 1`;\nsql.raw("select 1");\nsql<string>`now()`;'),
    finds: 3,
  });

  holds("leave the host's process, environment and console alone", hostGlobals, {
    files: sources,
    bad: sample(
      'process.env.HOME;\nprocess.exit(1);\nprocess.on("exit", f);\nconsole.log(1);\nglobalThis.process.env;\nprocess.pid;\nimport { env, pid } from "node:process";',
    ),
    finds: 6,
  });
});
