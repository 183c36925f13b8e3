import { spawn } from "node:child_process";
import { systemClock } from "@moorage/core";
import { afterAll, describe, expect, it } from "vitest";
import { isAlive, STUBBORN, scratchFolder, until } from "../test-support/children.ts";
import { TAGS } from "./identity.ts";
import { InstanceLogs } from "./logs.ts";
import { createProcessTable } from "./process-table.ts";
import { ServerChild } from "./server-child.ts";
import { spawnServer } from "./spawn.ts";
import { endAll, signalEntry, stagesOf } from "./terminate.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const table = createProcessTable();
let children = 0;

/** A child that runs the script and prints one number for each line: pids to watch. */
async function startChild(script: string, count: number) {
  const tags = { [TAGS.host]: "test", [TAGS.child]: `${process.pid}-${++children}` };
  const environment = { PATH: process.env.PATH ?? "", ...tags, STUBBORN, NODE: process.execPath };
  const command = { file: "/bin/sh", args: ["-c", script] };
  const server = await spawnServer(
    { command, program: "sh", folder: scratch.path, environment },
    { spawn, table, clock: systemClock },
  );
  let text = "";
  server.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await until(() => text.split("\n").length > count);
  const pids = text.split("\n").slice(0, count).map(Number);
  const child = new ServerChild({
    server,
    tags,
    table,
    clock: systemClock,
    maxLineBytes: 1_000,
    stopGraceMs: 1_000,
    logs: new InstanceLogs({ clock: systemClock, maxBytes: 1_000, secrets: [] }),
  });
  return { child, server, pids };
}

describe("ending a child", () => {
  it("only closes the input of one that listens, and is over as soon as it is", async () => {
    const { child, server } = await startChild("echo $$; cat", 1);
    const start = performance.now();
    await child.end(60_000);
    expect(server.exit).toEqual({ code: 0, signal: null });
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it("sends SIGTERM to one that stays when its input ends", async () => {
    const { child, server } = await startChild("echo $$; exec sleep 30", 1);
    await child.end(2_000);
    expect(server.exit).toEqual({ code: null, signal: "SIGTERM" });
  });

  it("kills one that ignores both, with the children it waits for", async () => {
    const script = `trap '' TERM; "$NODE" -e "$STUBBORN" & echo $!; echo $$; while :; do wait; done`;
    const { child, server, pids } = await startChild(script, 2);
    const start = performance.now();
    await child.end(1_000);
    expect(server.exit).toEqual({ code: null, signal: "SIGKILL" });
    expect(pids.filter(isAlive)).toEqual([]);
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it("ends what left the group, what outlives its parent and what dropped its marks", async () => {
    const script = `
      setsid "$NODE" -e "$STUBBORN" </dev/null >/dev/null 2>&1 & echo $!
      sleep 30 </dev/null >/dev/null 2>&1 & echo $!
      env -i /bin/sleep 30 </dev/null >/dev/null 2>&1 & echo $!
      (setsid sh -c 'sleep 30 & echo $!')
      cat`;
    const { child, pids } = await startChild(script, 4);
    expect(pids.filter(isAlive)).toHaveLength(4);
    await child.end(1_000);
    expect(pids.filter(isAlive)).toEqual([]);
  });

  it("is one stop, however often it is asked for", async () => {
    const { child } = await startChild("echo $$; exec sleep 30", 1);
    expect(child.end(500)).toBe(child.end(60_000));
    await child.end(0);
  });

  it("leaves the children of others alone", async () => {
    const [one, other] = await Promise.all([startChild("echo $$; cat", 1), startChild("echo $$; cat", 1)]);
    await one.child.end(1_000);
    expect(other.pids.filter(isAlive)).toEqual(other.pids);
    await other.child.end(1_000);
  });

  it("sweeps up after one that ends by itself", async () => {
    const { child, pids } = await startChild(
      "(setsid sh -c 'sleep 30 >/dev/null 2>&1 & echo $!'); exit 4",
      1,
    );
    await child.settled;
    expect(pids.filter(isAlive)).toEqual([]);
    expect(child.hasFailed).toBe(true);
    expect(child.describeEnd()).toBe("it exited with code 4");
  });
});

describe("the stages of a stop", () => {
  it("are two seconds, then a good half, then the rest, and never less than a second for SIGKILL", () => {
    expect(stagesOf(10_000)).toEqual({ inputMs: 2_000, termMs: 4_000, killMs: 4_000 });
    expect(stagesOf(60_000)).toEqual({ inputMs: 2_000, termMs: 34_000, killMs: 24_000 });
    expect(stagesOf(0)).toEqual({ inputMs: 0, termMs: 0, killMs: 1_000 });
  });

  it("end with TIMEOUT when something does not end", async () => {
    const sent: string[] = [];
    const target = {
      description: "Process 1",
      remaining: async () => 1,
      signal: async (signal: string) => void sent.push(signal),
    };
    const ending = endAll(target, { clock: systemClock, termMs: 30, killMs: 60 });
    await expect(ending).rejects.toMatchObject({
      code: "TIMEOUT",
      message: expect.stringContaining("Process 1"),
    });
    expect(sent.slice(0, 2)).toEqual(["SIGTERM", "SIGKILL"]);
    expect(sent.length).toBeGreaterThan(2);
  });
});

describe("a signal", () => {
  it("is not sent to a process that has got the pid of another", async () => {
    const innocent = spawn("/bin/sleep", ["30"]);
    const entry = await until(() => table.read(innocent.pid ?? 0));
    signalEntry(table, { ...entry, startTicks: entry.startTicks - 1 }, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(isAlive(entry.pid)).toBe(true);
    signalEntry(table, entry, "SIGKILL");
    await until(() => !isAlive(entry.pid));
  });
});
