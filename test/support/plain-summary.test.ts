import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const VITEST = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const REPORTER = fileURLToPath(new URL("./plain-summary.ts", import.meta.url));

describe("the last line of a test run", { timeout: 60_000 }, () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "moorage-summary-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const lastLine = (files: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.test.mjs`), text);
    const { stdout } = spawnSync(
      process.execPath,
      [VITEST, "run", "--root", folder, "--globals", "--reporter=default", `--reporter=${REPORTER}`],
      { encoding: "utf8", env: { ...process.env, VITEST: undefined, NODE_OPTIONS: undefined } },
    );
    return stdout.trimEnd().split("\n").at(-1);
  };

  it("counts what passed, failed and was skipped", () => {
    const file =
      'it("a", () => {}); it("b", () => { throw new Error("no"); }); it.skip("c", () => {}); it("d", () => {});';
    expect(lastLine({ mixed: file })).toBe("2 passed, 1 failed, 1 skipped");
    expect(lastLine({ mixed: 'it("a", () => {});' })).toBe("1 passed, 0 failed, 0 skipped");
  });

  it("counts a file that cannot be loaded, a broken hook and a stray error as failures", () => {
    const passing = 'it("passes", () => {});';
    expect(lastLine({ passing, broken: 'import "./absent.mjs"; it("never", () => {});' })).toBe(
      "1 passed, 1 failed, 0 skipped",
    );
    rmSync(join(folder, "broken.test.mjs"));
    expect(
      lastLine({
        passing,
        hook: `describe("s", () => { afterAll(() => { throw new Error("no"); }); ${passing} });`,
      }),
    ).toBe("2 passed, 1 failed, 0 skipped");
    rmSync(join(folder, "hook.test.mjs"));
    expect(lastLine({ passing, stray: `Promise.reject(new Error("stray")); ${passing}` })).toMatch(
      /^2 passed, [1-9]\d* failed, 0 skipped$/,
    );
  });
});
