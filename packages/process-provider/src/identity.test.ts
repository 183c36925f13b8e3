import { spawn } from "node:child_process";
import { describe, expect, it } from "vitest";
import { entriesOf, formatResourceId, hostTagOf, isHostAlive, parseResourceId, TAGS } from "./identity.ts";
import { createProcessTable, type ProcessEntry } from "./process-table.ts";

const table = createProcessTable();
const bootId = table.bootId ?? "";

describe("resource ids", () => {
  it("survive being written and read, whatever the instance is called", () => {
    for (const instanceId of ["0198f0a0-0000-7000-8000-000000000001", "a:b:c", "ü x"]) {
      const identity = { bootId, pid: 12, startTicks: 3456, generation: 7, instanceId };
      expect(parseResourceId(formatResourceId(identity))).toEqual(identity);
    }
  });

  it("are told from garbage", () => {
    for (const id of [
      "",
      "x",
      "1:2:3:4:5",
      `${bootId}:1:2:3:`,
      `${bootId}:-1:2:3:i`,
      `${bootId}:1e3:2:3:i`,
    ]) {
      expect(parseResourceId(id)).toBeUndefined();
    }
  });
});

describe("a host tag", () => {
  it("names a process for as long as it lives, and no other of its pid", async () => {
    const child = spawn("/bin/sleep", ["9"]);
    const pid = child.pid ?? 0;
    const tag = hostTagOf(table, pid);
    expect(isHostAlive(table, tag)).toBe(true);
    expect(
      isHostAlive(
        table,
        tag.replace(/\d+$/, (ticks) => String(Number(ticks) - 1)),
      ),
    ).toBe(false);
    expect(isHostAlive(table, tag.replace(/^[^.]+/, "00000000-0000-0000-0000-000000000000"))).toBe(false);
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    expect(isHostAlive(table, tag)).toBe(false);
    expect(isHostAlive(table, "")).toBe(false);
  });
});

describe("the processes of a resource", () => {
  const entry = (changes: Partial<ProcessEntry>): ProcessEntry => ({
    pid: process.pid,
    state: "S",
    groupId: 1,
    sessionId: 1,
    startTicks: 1,
    cpuTicks: 0,
    tags: {},
    ...changes,
  });
  const identity = { bootId, pid: 50, startTicks: 100, generation: 2, instanceId: "i" };
  const found = (entries: readonly ProcessEntry[]) => entriesOf(identity, table, entries);

  it("are its first process, that one's group, and what bears its marks", () => {
    const first = entry({ pid: 50, groupId: 50, startTicks: 100 });
    const grandchild = entry({ pid: 51, groupId: 50 });
    const marked = entry({ tags: { [TAGS.instance]: "i", [TAGS.generation]: "2" } });
    expect(found([first, grandchild, marked, entry({ pid: 52 })])).toEqual([first, grandchild, marked]);
  });

  it("are not another process with its pid, nor that one's group", () => {
    expect(
      found([entry({ pid: 50, groupId: 50, startTicks: 101 }), entry({ pid: 51, groupId: 50 })]),
    ).toEqual([]);
  });

  it("are not those of another generation, nor of another boot", () => {
    const older = entry({ tags: { [TAGS.instance]: "i", [TAGS.generation]: "1" } });
    expect(found([older])).toEqual([]);
    const first = entry({ pid: 50, groupId: 50, startTicks: 100 });
    expect(entriesOf({ ...identity, bootId: "local" }, table, [first])).toEqual([]);
  });
});
