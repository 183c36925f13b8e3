import { expect, it } from "vitest";
import { ROOT } from "../support/architecture/source-files.ts";
import { startProgram } from "../support/programs.ts";

it("runs a server on a provider of its own and exits", { timeout: 60_000 }, async () => {
  const program = startProgram("npm", ["run", "--silent", "example:custom-provider"], { cwd: ROOT });
  expect(await program.ended, program.output()).toBe(0);
  expect(program.output()).toMatch(/^instance \S+ is running on provider "clock"$/m);
  expect(program.output()).toMatch(/the clock says .*\d{4}-\d\d-\d\dT/);
});
