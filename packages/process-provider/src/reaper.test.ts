import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { ANSWERING, isAlive, launchOf, scratchFolder, until } from "../test-support/children.ts";
import { parseResourceId } from "./identity.ts";
import { type ProcessProvider, processProvider } from "./process-provider.ts";
import { createProcessTable } from "./process-table.ts";

const scratch = scratchFolder();
const providers: ProcessProvider[] = [];
const hosts: ChildProcess[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0)) host.kill("SIGKILL");
  await Promise.all(providers.splice(0).map((provider) => provider.close()));
});
afterAll(() => scratch.remove());

function make(): ProcessProvider {
  const provider = processProvider({ stateDirectory: scratch.path, stopGraceMs: 1_000 });
  providers.push(provider);
  return provider;
}

/** Another host process on this machine, with servers of every kind; see its program for the instances. */
async function startHost(): Promise<{ readonly ids: Record<string, string>; kill(): Promise<void> }> {
  const program = fileURLToPath(new URL("../test-support/host-program.ts", import.meta.url));
  const args = ["--conditions=@moorage/source", "--import", "tsx", program, scratch.path];
  const host = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  hosts.push(host);
  const line = await new Promise<Buffer>((resolve) => host.stdout.once("data", resolve));
  return {
    ids: JSON.parse(line.toString()),
    async kill() {
      const ended = new Promise((resolve) => host.once("exit", resolve));
      host.kill("SIGKILL");
      await ended;
    },
  };
}

const pidOf = (id: string) => parseResourceId(id)?.pid ?? 0;

describe("a host that is killed", () => {
  it("leaves orphans, which the next host finds and ends", async () => {
    const host = await startHost();
    const { polite = "", stubborn = "", parent = "", escaping = "", renamed = "" } = host.ids;
    const provider = make();
    for (const id of Object.values(host.ids)) {
      expect(await provider.inspect(id)).toMatchObject({
        id,
        state: "running",
        message: expect.stringContaining("Another process"),
      });
    }
    expect(await provider.list()).toEqual([]);
    await expect(provider.connect(stubborn)).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });

    await host.kill();
    await until(async () => (await provider.inspect(polite)).state === "absent");
    await until(() => !isAlive(pidOf(escaping)));
    for (const id of [stubborn, parent, escaping, renamed]) {
      expect(await provider.inspect(id)).toMatchObject({ id, state: "orphaned" });
    }
    const listed = await provider.list();
    expect(listed.map(({ instanceId }) => instanceId).sort()).toEqual(
      expect.arrayContaining(["escaping", "parent", "stubborn"]),
    );
    expect(listed.find(({ instanceId }) => instanceId === "stubborn")).toMatchObject({
      id: stubborn,
      state: "orphaned",
      generation: 1,
    });

    const pids = listed.map(({ details }) => Number(details?.pid));
    await Promise.all([...listed.map(({ id }) => id), renamed].map((id) => provider.destroy(id)));
    expect([...pids, pidOf(renamed)].filter(isAlive)).toEqual([]);
    expect(await provider.list()).toEqual([]);
    for (const id of Object.values(host.ids)) expect((await provider.inspect(id)).state).toBe("absent");
    expect(existsSync(join(scratch.path, "instances", "stubborn"))).toBe(false);
  });

  it("leaves nothing that a new launch of its instance does not end", async () => {
    const host = await startHost();
    await host.kill();
    const provider = make();
    const { id } = await provider.launch(launchOf(ANSWERING, { instanceId: "stubborn", generation: 2 }));
    expect(isAlive(pidOf(host.ids.stubborn ?? ""))).toBe(false);
    expect(isAlive(pidOf(id))).toBe(true);
    await until(async () => (await provider.list()).some(({ instanceId }) => instanceId === "parent"));
    for (const name of ["parent", "escaping", "renamed"]) await provider.destroy(host.ids[name] ?? "");
    expect((await provider.list()).map(({ instanceId }) => instanceId)).toEqual(["stubborn"]);
  });

  it("has its orphans listed by hosts of its own state directory only", async () => {
    const host = await startHost();
    await host.kill();
    const elsewhere = scratchFolder();
    const stranger = processProvider({ stateDirectory: elsewhere.path });
    expect(await stranger.list()).toEqual([]);
    await stranger.close();
    elsewhere.remove();
    const provider = make();
    for (const id of Object.values(host.ids)) await provider.destroy(id);
    expect(await provider.list()).toEqual([]);
  });
});

describe("an id of an earlier run", () => {
  it("does no harm to an innocent process that has its pid now", async () => {
    const innocent = spawn("/bin/sleep", ["30"], { detached: true });
    const table = createProcessTable();
    const { pid, startTicks } = await until(() => table.read(innocent.pid ?? 0));
    const provider = make();
    const ids = [
      `${table.bootId}:${pid}:${startTicks - 1}:1:gone`,
      `00000000-0000-0000-0000-000000000000:${pid}:${startTicks}:1:gone`,
    ];
    for (const id of ids) {
      expect(await provider.inspect(id)).toEqual({ id, state: "absent" });
      await provider.stop(id);
      await provider.destroy(id);
    }
    expect(isAlive(pid)).toBe(true);
    innocent.kill("SIGKILL");
  });

  it("that is garbage is absent, and stopping it does nothing", async () => {
    const provider = make();
    for (const id of ["", "garbage", "../../etc", "1:2:3:4:5"]) {
      expect(await provider.inspect(id)).toEqual({ id, state: "absent" });
      await provider.stop(id);
      await provider.destroy(id);
    }
  });
});
