import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { scratchFolder } from "../test-support/children.ts";
import { nodeReservationMb } from "./node-program.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

function program(name: string, text: string): string {
  const path = join(scratch.path, name);
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

const own = { path: program("own-binary", "\x7fELF"), version: "22.1.0" };
symlinkSync(own.path, join(scratch.path, "node"));
const search = { own, searchPath: scratch.path, folder: "/" };
const newer = { ...search, own: { ...own, version: "24.0.0" } };

describe("the reservation of Node.js", () => {
  it("is that of this host's own version, by whatever path it is named", async () => {
    for (const path of [own.path, join(scratch.path, "node")]) {
      expect(await nodeReservationMb(path, search)).toBe(0);
      expect(await nodeReservationMb(path, newer)).toBe(512);
    }
  });

  it("is told of scripts by their beginning", async () => {
    const script = program("cli", "#!/usr/bin/env node\n");
    expect(await nodeReservationMb(script, search)).toBe(0);
    expect(await nodeReservationMb(program("wrapper", '#!/bin/sh\nexec node "$0.js"\n'), newer)).toBe(512);
    expect(await nodeReservationMb(program("shell", "#!/bin/sh\nexec python3\n"), newer)).toBeUndefined();
  });

  it("is assumed of a Node.js whose version is not known", async () => {
    const script = program("elsewhere", "#!/opt/other/bin/node --flag\n");
    expect(await nodeReservationMb(script, search)).toBe(512);
    expect(await nodeReservationMb("/opt/other/bin/node", search)).toBe(512);
  });

  it("is nothing to programs of another kind, readable or not", async () => {
    expect(await nodeReservationMb(program("python3", "\x7fELF"), newer)).toBeUndefined();
    expect(await nodeReservationMb(join(scratch.path, "missing"), newer)).toBeUndefined();
  });
});
