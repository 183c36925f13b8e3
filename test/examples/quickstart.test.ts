import { expect, it } from "vitest";
import { ROOT } from "../support/architecture/source-files.ts";
import { startProgram } from "../support/programs.ts";

it("takes the tour to its end, with a tick and a time for every step", { timeout: 60_000 }, async () => {
  const program = startProgram("npm", ["run", "--silent", "quickstart"], { cwd: ROOT });
  expect(await program.ended, program.output()).toBe(0);

  const output = program.output();
  expect(output.match(/^ {2}✓ .+ \d+ ms$/gm)?.length).toBeGreaterThanOrEqual(17);
  expect(output).not.toContain("✗");
  // Not a terminal: no colours, no cursor movements.
  expect(output).not.toContain("\u001b");
  expect(output).toContain("4 of 4");
  expect(output).toContain('"Echo: hello from version 2"');
  expect(output).toContain('"Echo: hello from version 1"');
  expect(output).toContain("leaves no child process behind");
  expect(output).toMatch(/Done in \d+\.\d s/);
});

it("names the step that failed and exits 1", { timeout: 60_000 }, async () => {
  const broken = 'globalThis.fetch = () => Promise.reject(new Error("the line is cut"));';
  const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(broken)}` };
  const program = startProgram("npm", ["run", "--silent", "quickstart"], { cwd: ROOT, env });
  expect(await program.ended, program.output()).toBe(1);
  expect(program.output()).toContain("✗ turns away whoever brings no token");
  expect(program.output()).toContain("The tour ends here: the line is cut");
});
