import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { isGone, readIdentity } from "./host-identity.ts";

describe.skipIf(process.platform !== "linux")("the identity of a host process", () => {
  test("says that this very process is not gone", async () => {
    expect(await isGone(await readIdentity(process.pid))).toBe(false);
  });

  test("says that a process that ended is gone", async () => {
    const child = spawn("sleep", ["60"]);
    await once(child, "spawn");
    const identity = await readIdentity(child.pid ?? 0);
    expect(await isGone(identity)).toBe(false);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await isGone(identity)).toBe(true);
  });

  test("is not fooled by a pid that another process has got since", async () => {
    const identity = await readIdentity(process.pid);
    expect(await isGone({ ...identity, process_start: "1" })).toBe(true);
  });

  test("says nothing of another machine or an earlier boot", async () => {
    const identity = await readIdentity(process.pid);
    expect(await isGone({ ...identity, machine_id: "another", process_start: "1" })).toBe(false);
    expect(await isGone({ machine_id: null, pid: 1, process_start: null })).toBe(false);
  });
});
