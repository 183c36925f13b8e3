import { spawn } from "node:child_process";
import { describe, expect, it } from "vitest";
import { until } from "../test-support/children.ts";
import { createProcessTable, isLive } from "./process-table.ts";

const table = createProcessTable();

describe("the process table", () => {
  it("knows this process, and that it does not change its start", () => {
    const self = table.read(process.pid);
    expect(self).toMatchObject({ pid: process.pid, state: expect.stringMatching(/[RS]/) });
    expect(table.read(process.pid)?.startTicks).toBe(self?.startTicks);
    expect(table.memoryBytes(process.pid)).toBeGreaterThan(10_000_000);
    expect(table.bootId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("knows nothing of a pid that is not in use", () => {
    expect(table.read(4_194_305)).toBeUndefined();
    expect(table.memoryBytes(4_194_305)).toBe(0);
  });

  it("reads past a program's name that looks like fields", async () => {
    const child = spawn(process.execPath, ["-e", 'process.title = "a) R 1 1 (b"; setTimeout(() => {}, 9e3)']);
    const renamed = await until(() => table.read(child.pid ?? 0));
    expect(renamed).toMatchObject({ pid: child.pid, groupId: table.read(process.pid)?.groupId });
    child.kill("SIGKILL");
  });

  it("tells a zombie from a live process, unlike kill(pid, 0)", async () => {
    // The shell never waits for its child, which becomes a zombie.
    const parent = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 9"]);
    const pid = Number(await new Promise<Buffer>((resolve) => parent.stdout.once("data", resolve)));
    await until(() => table.read(pid)?.state === "Z");
    expect(process.kill(pid, 0)).toBe(true);
    expect(isLive(table.read(pid))).toBe(false);
    expect((await table.scan()).map((entry) => entry.pid)).not.toContain(pid);
    parent.kill("SIGKILL");
  });

  it("finds the marks of a process, and only those of ours", async () => {
    const env = { MOORAGE_INSTANCE: "i=1", MOORAGE_X: "", OTHER: "secret" };
    const child = spawn("/bin/sleep", ["9"], { env });
    const entry = (await table.scan()).find(({ pid }) => pid === child.pid);
    expect(entry?.tags).toEqual({ MOORAGE_INSTANCE: "i=1", MOORAGE_X: "" });
    child.kill("SIGKILL");
  });

  it("never answers from a reading that began before the question", async () => {
    const first = table.scan();
    const child = spawn("/bin/sleep", ["9"]);
    const [, second, third] = await Promise.all([first, table.scan(), table.scan()]);
    expect(second.map(({ pid }) => pid)).toContain(child.pid);
    expect(third).toBe(second);
    child.kill("SIGKILL");
  });
});
