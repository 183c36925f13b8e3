import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createPlatform, type Instance } from "@moorage/core";
import { sqlite } from "@moorage/core/sqlite";
import { processProvider } from "@moorage/process-provider";
import { proxy } from "@moorage/proxy";
import { vault } from "@moorage/vault";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runScript } from "../support/run-script.ts";
import { processesOf, type TaggedProcess } from "../support/tagged-processes.ts";

const HOST = "test/fixtures/host.ts";

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "moorage-killed-"));
  file = join(folder, "moorage.db");
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function openPlatform() {
  return createPlatform({
    database: sqlite(file),
    providers: { local: processProvider({ stateDirectory: `${file}-state` }) },
    vault: vault({ keys: `k1:${Buffer.alloc(32, 7).toString("base64")}` }),
    proxy: proxy(),
  });
}

/** The processes that nobody of the tagged ones started: one per instance that really runs. */
function roots(processes: readonly TaggedProcess[]): readonly TaggedProcess[] {
  const pids = new Set(processes.map(({ pid }) => pid));
  return processes.filter(({ parent }) => !pids.has(parent));
}

async function expectAgreement(instances: readonly Instance[]): Promise<void> {
  const running = roots(processesOf(instances.map(({ id }) => id)));
  const wanted = instances.filter(({ state }) => state === "running");
  expect(running.map(({ instanceId, generation }) => `${instanceId} ${generation}`).sort()).toEqual(
    wanted.map(({ id, generation }) => `${id} ${generation}`).sort(),
  );
}

describe.skipIf(process.platform !== "linux")("a host that is killed with SIGKILL", () => {
  test("leaves processes that the next start ends, and its instances run again, each once", async () => {
    const host = runScript(HOST, [file, "create", "4"]);
    await host.line("ready");
    host.child.kill("SIGKILL");
    await host.ended;

    const platform = openPlatform();
    try {
      await platform.start();
      const { items } = await platform.instances.list();
      expect(items.map(({ state, generation }) => `${state} ${generation}`)).toEqual(
        Array(4).fill("running 2"),
      );
      await expectAgreement(items);
      const echo = items.at(-1);
      const answer = await platform.tools.call(echo?.id ?? "", {
        name: "echo",
        arguments: { message: "again" },
      });
      expect(JSON.stringify(answer.result)).toContain("again");
    } finally {
      await platform.close();
    }
    expect(processesOf((await listAll()).map(({ id }) => id))).toEqual([]);
  }, 60_000);

  test("at any moment of its work, is followed by rows and processes that agree", async () => {
    for (const delayMs of [0, 100, 200, 350, 500, 700, 1_000]) {
      const host = runScript(HOST, [file, "create", "3"]);
      await host.line("alive");
      await wait(delayMs);
      host.child.kill("SIGKILL");
      await host.ended;

      const platform = openPlatform();
      try {
        await platform.migrate();
        await platform.start();
        const { items } = await platform.instances.list({ limit: 200 });
        expect(items.filter(({ desired, state }) => desired !== state)).toEqual([]);
        await expectAgreement(items);
      } finally {
        await platform.close();
      }
    }
  }, 120_000);

  async function listAll(): Promise<readonly Instance[]> {
    const platform = openPlatform();
    const { items } = await platform.instances.list({ limit: 200 });
    await platform.close();
    return items;
  }
});

test("a closed platform lets its process end within a second", async () => {
  const host = runScript(HOST, [file, "visit"]);
  const closed = await host.line("closed ");
  const { code, output } = await host.ended;
  expect(Date.now() - Number(closed.split(" ")[1])).toBeLessThan(1_000);
  expect(code, output).toBe(0);
}, 30_000);

test("a platform that ran instances closes them, and its process ends by itself", async () => {
  const host = runScript(HOST, [file, "round", "2"]);
  const closed = await host.line("closed ");
  const { code, output } = await host.ended;
  expect(Date.now() - Number(closed.split(" ")[1])).toBeLessThan(1_000);
  expect(code, output).toBe(0);
  const ids = output.match(/(?<=^instance )\S+/gm) ?? [];
  expect(ids).toHaveLength(2);
  expect(processesOf(ids)).toEqual([]);
}, 60_000);
