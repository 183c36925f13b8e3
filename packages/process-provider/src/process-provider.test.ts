import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LaunchRequest, Resource } from "@moorage/core";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import {
  ANSWERING,
  converse,
  isAlive,
  launchOf,
  STUBBORN,
  scratchFolder,
  startsAnother,
  until,
} from "../test-support/children.ts";
import type { ProcessProviderOptions } from "./options.ts";
import { type ProcessProvider, processProvider } from "./process-provider.ts";

const scratch = scratchFolder();
const providers: ProcessProvider[] = [];
afterEach(() => Promise.all(providers.splice(0).map((provider) => provider.close())));
afterAll(() => scratch.remove());

function make(options: ProcessProviderOptions = {}): ProcessProvider {
  const provider = processProvider({ stateDirectory: scratch.path, stopGraceMs: 1_000, ...options });
  providers.push(provider);
  return provider;
}

async function talk(provider: ProcessProvider, request: LaunchRequest) {
  const { id } = await provider.launch(request);
  return { id, conversation: await converse(await provider.connect(id)) };
}

const pidOf = (resource: Resource) => Number(resource.details?.pid);

describe("launch", () => {
  it("makes one process for one instance and generation, however often it is called", async () => {
    const provider = make();
    const launches = Array.from({ length: 20 }, () => provider.launch(launchOf(ANSWERING)));
    const resources = await Promise.all(launches);
    expect(new Set(resources.map(({ id }) => id)).size).toBe(1);
    expect(new Set(resources.map(pidOf)).size).toBe(1);
    expect(await provider.list()).toHaveLength(1);
  });

  it("ends the older generation before it starts the newer one, and refuses to go back", async () => {
    const provider = make();
    const older = await provider.launch(launchOf(STUBBORN, { generation: 1 }));
    const newer = await provider.launch(launchOf(ANSWERING, { generation: 2 }));
    expect(isAlive(pidOf(older))).toBe(false);
    expect(await provider.inspect(older.id)).toEqual({ id: older.id, state: "absent" });
    await expect(provider.launch(launchOf(ANSWERING, { generation: 1 }))).rejects.toMatchObject({
      code: "CONFLICT",
    });
    await provider.destroy(older.id);
    expect(await provider.inspect(newer.id)).toMatchObject({ state: "running", generation: 2 });
    expect((await provider.connect(newer.id)).onclose).toBeUndefined();
  });

  it("starts a stopped resource again under its id", async () => {
    const provider = make();
    const first = await provider.launch(launchOf(ANSWERING));
    await provider.stop(first.id);
    expect(await provider.inspect(first.id)).toMatchObject({ state: "stopped" });
    const { id, conversation } = await talk(provider, launchOf(ANSWERING));
    expect(id).toBe(first.id);
    expect((await conversation.ask("pid")).pid).not.toBe(pidOf(first));
  });

  it("refuses bad requests before it does anything", async () => {
    const provider = make({ stateDirectory: join(scratch.path, "untouched") });
    const { runtime } = launchOf("");
    const wrong: [Partial<LaunchRequest>, string][] = [
      [{ instanceId: "" }, "INVALID_INPUT"],
      [{ generation: 1.5 }, "INVALID_INPUT"],
      [{ environment: { NODE_OPTIONS: "--require=x" } }, "INVALID_INPUT"],
      [{ providerOptions: { shell: true } }, "INVALID_INPUT"],
      [{ runtime: { ...runtime, transport: "sse" } }, "UNSUPPORTED"],
    ];
    for (const [overrides, code] of wrong) {
      await expect(provider.launch(launchOf(ANSWERING, overrides))).rejects.toMatchObject({ code });
    }
    expect(existsSync(join(scratch.path, "untouched"))).toBe(false);
  });

  it("fails at once where program or folder are missing, and leaves nothing", async () => {
    const provider = make();
    const runtime = { ...launchOf("").runtime, command: "no-such-program-anywhere" };
    await expect(provider.launch(launchOf("", { runtime }))).rejects.toMatchObject({
      code: "LAUNCH_FAILED",
      message: expect.stringMatching(/"no-such-program-anywhere".*ENOENT.*install it/),
    });
    const missing = join(scratch.path, "missing");
    await expect(make({ workingDirectory: missing }).launch(launchOf(ANSWERING))).rejects.toMatchObject({
      message: expect.stringMatching(/missing" is not a folder.*workingDirectory/),
    });
    expect(await provider.list()).toEqual([]);
    await provider.launch(launchOf(ANSWERING));
  });

  it("gives a server its own folder and home, marks, and nothing of the host's but the allowed", async () => {
    const provider = make({ hostEnvironment: { PATH: process.env.PATH, SECRET_OF_HOST: "x" } });
    const request = launchOf(`console.error(process.cwd()); ${ANSWERING}`, { environment: { KEY: "value" } });
    const { id, conversation } = await talk(provider, request);
    const environment = await conversation.ask("environment");
    const folder = join(scratch.path, "instances", "instance-1");
    expect(environment).toMatchObject({
      KEY: "value",
      HOME: folder,
      MOORAGE_INSTANCE: "instance-1",
      MOORAGE_GENERATION: "1",
    });
    expect(environment.MOORAGE_HOST).toMatch(new RegExp(`^[0-9a-f-]{36}\\.${process.pid}\\.\\d+$`));
    expect(environment).not.toHaveProperty("SECRET_OF_HOST");
    expect((await provider.logs(id)).map(({ text }) => text)).toEqual([folder]);
  });

  it("holds a memory limit, also for buffers, and refuses limits that it cannot hold", async () => {
    const provider = make();
    const hog = `const kept = []; for (;;) kept.push(Buffer.alloc(1 << 24, 1));`;
    const subscribed = new Promise<Resource>((resolve) => provider.subscribe(resolve));
    await provider.launch(launchOf(hog, { resources: { memoryMb: 200 } }));
    expect((await subscribed).logs?.join("\n")).toMatch(/allocation failed|failed to allocate/i);
    await expect(
      provider.launch(launchOf("", { generation: 2, resources: { cpus: 1 } })),
    ).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("resources.cpus"),
    });
    await provider.launch(launchOf(ANSWERING, { generation: 3, resources: { cpus: 1, bestEffort: true } }));
  });

  it("runs an installed npm package without npx", async () => {
    const folder = join(scratch.path, "node_modules", "an-mcp-server");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), JSON.stringify({ version: "1.0.0", bin: "cli.js" }));
    writeFileSync(join(folder, "cli.js"), ANSWERING);
    const provider = make({ packageRoots: [scratch.path], npx: "/no/npx" });
    const runtime = { type: "npm", transport: "stdio", identifier: "an-mcp-server", args: [] } as const;
    const { conversation } = await talk(provider, launchOf("", { runtime }));
    expect(await conversation.ask("ping")).toEqual({ method: "ping" });
  });
});

describe("a server that ends by itself", () => {
  it("is told with its code and last lines, to subscribers and by inspect", async () => {
    const provider = make();
    const told: Resource[] = [];
    provider.subscribe(() => {
      throw new Error("a listener's own failure");
    });
    provider.subscribe((resource) => told.push(resource));
    const environment = { API_KEY: "sesame-open-now" };
    const source = `console.log("usage: server"); console.error("no key " + process.env.API_KEY); process.exit(7)`;
    const { id } = await provider.launch(launchOf(source, { environment }));
    await until(() => told.length > 0);
    const expected = { id, state: "failed", message: "It exited with code 7." };
    expect(told).toMatchObject([
      { ...expected, logs: expect.arrayContaining(["usage: server", "no key [secret]"]) },
    ]);
    expect(await provider.inspect(id)).toMatchObject(expected);
    await expect(provider.connect(id)).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    expect(await provider.list()).toEqual([]);
  });

  it("takes its children with it", async () => {
    const provider = make();
    const source = `${startsAnother(STUBBORN, false)} ${startsAnother(STUBBORN, true)} ${ANSWERING}`;
    const { id, conversation } = await talk(provider, launchOf(source));
    const failed = new Promise<Resource>((resolve) => provider.subscribe(resolve));
    await conversation.transport.send({ jsonrpc: "2.0", method: "exit", params: { code: 0 } });
    expect(await failed).toMatchObject({ id, message: "It exited with code 0." });
    await provider.launch(launchOf(ANSWERING));
    expect((await provider.stats(id)).memoryBytes).toBeGreaterThan(0);
  });

  it("is told no more to who has unsubscribed", async () => {
    const provider = make();
    const told: Resource[] = [];
    provider.subscribe((resource) => told.push(resource))();
    const { id } = await provider.launch(launchOf("process.exit(1)"));
    await until(async () => (await provider.inspect(id)).state === "failed");
    await provider.stop(id);
    expect(told).toEqual([]);
    expect((await provider.inspect(id)).state).toBe("failed");
  });
});

describe("connections", () => {
  it("have a process each, the first one that of the launch", async () => {
    const provider = make({ maxConnections: 3 });
    const resource = await provider.launch(launchOf(ANSWERING));
    const transports = await Promise.all([1, 2, 3].map(() => provider.connect(resource.id)));
    const conversations = await Promise.all(transports.map(converse));
    const pids = await Promise.all(conversations.map(async ({ ask }) => Number((await ask("pid")).pid)));
    expect(new Set(pids).size).toBe(3);
    expect(pids).toContain(pidOf(resource));
    await expect(provider.connect(resource.id)).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });

    await conversations[1]?.transport.close();
    expect(pids.map(isAlive)).toEqual([true, false, true]);
    expect(await conversations[0]?.ask("ping")).toEqual({ method: "ping" });
    await provider.stop(resource.id);
    await Promise.all(conversations.map(({ closed }) => closed));
    expect(pids.filter(isAlive)).toEqual([]);
  });

  it("may all be closed: the resource stays, and the next one gets a new process", async () => {
    const provider = make();
    const { id, conversation } = await talk(provider, launchOf(ANSWERING));
    const { pid } = await conversation.ask("pid");
    await conversation.transport.close();
    expect(await provider.inspect(id)).toMatchObject({ state: "running", details: { processes: 0 } });
    const next = await converse(await provider.connect(id));
    expect((await next.ask("pid")).pid).not.toBe(pid);
  });

  it("of a resource survive the failure of another one of it", async () => {
    const provider = make();
    const { id, conversation } = await talk(provider, launchOf(ANSWERING));
    const second = await converse(await provider.connect(id));
    await conversation.transport.send({ jsonrpc: "2.0", method: "exit", params: { code: 1 } });
    await conversation.closed;
    expect(await second.ask("ping")).toEqual({ method: "ping" });
    expect((await provider.inspect(id)).state).toBe("running");
  });

  it.each(["open", "closed"])(
    "that are being made while the resource is stopped leave no process, others being %s",
    async (others) => {
      const provider = make();
      const { id, conversation } = await talk(provider, launchOf(ANSWERING));
      if (others === "closed") await conversation.transport.close();
      const connecting = Promise.allSettled([provider.connect(id), provider.connect(id)]);
      await provider.stop(id);
      const results = await connecting;
      expect(results.filter(({ status }) => status === "rejected").length).toBe(2);
      expect(await provider.inspect(id)).toMatchObject({ state: "stopped", details: { processes: 0 } });
    },
  );
});

describe("the end of a resource", () => {
  it("is bounded, and one for all who ask", async () => {
    const provider = make();
    const { id, details } = await provider.launch(launchOf(`${startsAnother(STUBBORN, true)} ${STUBBORN}`));
    const start = performance.now();
    await Promise.all([provider.stop(id), provider.stop(id), provider.destroy(id)]);
    expect(performance.now() - start).toBeLessThan(6_000);
    expect(isAlive(Number(details?.pid))).toBe(false);
    expect(await provider.inspect(id)).toMatchObject({ state: "absent" });
  });

  it("keeps the working folder on stop and removes it on destroy", async () => {
    const provider = make();
    const { id } = await provider.launch(launchOf(`require("fs").writeFileSync("kept", ""); ${ANSWERING}`));
    const file = join(scratch.path, "instances", "instance-1", "kept");
    await until(() => existsSync(file));
    await provider.stop(id);
    expect(existsSync(file)).toBe(true);
    await provider.destroy(id);
    expect(existsSync(join(file, ".."))).toBe(false);
  });

  it("comes with close for all resources at once, and nothing is launched afterwards", async () => {
    const provider = make();
    const ids = ["a", "b", "c", "d"];
    const resources = await Promise.all(
      ids.map((instanceId) => provider.launch(launchOf(STUBBORN, { instanceId }))),
    );
    const start = performance.now();
    await Promise.all([provider.close(), provider.close()]);
    expect(performance.now() - start).toBeLessThan(6_000);
    expect(resources.map(pidOf).filter(isAlive)).toEqual([]);
    await expect(provider.launch(launchOf(ANSWERING))).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  });

  it("is not waited for by a caller who withdraws", async () => {
    const provider = make();
    const { id } = await provider.launch(launchOf(STUBBORN));
    await expect(provider.stop(id, { signal: AbortSignal.timeout(50) })).rejects.toThrow();
    await provider.stop(id);
  });
});

describe("stats", () => {
  it("are of all processes of the resource together", async () => {
    const provider = make();
    const busy = `const end = Date.now() + 60_000; while (Date.now() < end);`;
    const { id } = await provider.launch(launchOf(`${startsAnother(busy, false)} ${ANSWERING}`));
    await new Promise((resolve) => setTimeout(resolve, 500));
    await provider.stats(id);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const stats = await provider.stats(id);
    expect(stats.cpuPercent).toBeGreaterThan(1);
    expect(stats.cpuPercent).toBeLessThan(400);
    expect(stats.memoryBytes).toBeGreaterThan(50_000_000);
    expect(stats.uptimeMs).toBeGreaterThan(1_000);
    await expect(provider.stats("unknown")).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
  });
});
