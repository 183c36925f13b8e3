import { spawn } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { systemClock } from "@moorage/core";
import { afterAll, describe, expect, it } from "vitest";
import { isAlive, scratchFolder, until } from "../test-support/children.ts";
import { createProcessTable } from "./process-table.ts";
import { spawnServer } from "./spawn.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const context = { spawn, table: createProcessTable(), clock: systemClock };

function run(file: string, args: readonly string[] = []) {
  const environment = { PATH: process.env.PATH ?? "" };
  return spawnServer({ command: { file, args }, program: file, folder: scratch.path, environment }, context);
}

function script(name: string, text: string, mode: number): string {
  const path = join(scratch.path, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

describe("spawnServer", () => {
  it("starts a group of its own, in its folder, with its own environment and no shell", async () => {
    const server = await run("/bin/sh", [
      "-c",
      'pwd; echo "$1"; env | wc -l; ps -o pgid= $$',
      "sh",
      "$HOME; x",
    ]);
    let text = "";
    server.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    expect(await server.exited).toEqual({ code: 0, signal: null });
    await server.drain();
    const [folder, argument, , group] = text.split("\n").map((line) => line.trim());
    expect([folder, argument, group]).toEqual([scratch.path, "$HOME; x", String(server.pid)]);
    expect(server.startTicks).toBeGreaterThan(0);
  });

  it("names the program and the remedy when it cannot be started, and no argument", async () => {
    const cases = [
      ["/no/such/program", /"\/no\/such\/program" could not be started \(ENOENT\).*install it/],
      [script("forbidden", "#!/bin/sh\n", 0o600), /EACCES.*make it executable/],
      [script("interpreter", "#!/no/such/interpreter\n", 0o700), /ENOENT.*interpreter/],
      ["npx -y thing", /arguments go into args/],
    ] as const;
    for (const [file, message] of cases) {
      await expect(run(file, ["--token=hidden"])).rejects.toMatchObject({
        code: "LAUNCH_FAILED",
        message: expect.stringMatching(message),
      });
      const error = await run(file, ["--token=hidden"]).catch((thrown: unknown) => thrown);
      expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain("hidden");
    }
  });

  it("refuses arguments that are too large for the system", async () => {
    const args = Array.from({ length: 40 }, () => "x".repeat(100_000));
    await expect(run("/bin/true", args)).rejects.toMatchObject({
      code: "LAUNCH_FAILED",
      message: expect.stringContaining("E2BIG"),
    });
  });

  it("kills what is left of the group at once when its first process ends, unless told otherwise", async () => {
    for (const isKept of [false, true]) {
      const server = await run("/bin/sh", ["-c", "sleep 30 & echo $!"]);
      if (isKept) server.keepGroup();
      const left = Number(await new Promise<Buffer>((resolve) => server.stdout.once("data", resolve)));
      await server.exited;
      if (isKept) expect(isAlive(left)).toBe(true);
      else await until(() => !isAlive(left));
      if (isKept) process.kill(left, "SIGKILL");
    }
  });

  it("waits a second, not longer, for output that somebody else holds open", async () => {
    const server = await run("/bin/sh", ["-c", "setsid sleep 30 & echo $!; sleep 0.2; exit 3"]);
    const left = Number(await new Promise<Buffer>((resolve) => server.stdout.once("data", resolve)));
    const start = performance.now();
    await server.drain();
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(server.stdout.destroyed).toBe(true);
    expect(isAlive(left)).toBe(true);
    process.kill(left, "SIGKILL");
  });
});
