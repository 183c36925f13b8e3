import { createHash } from "node:crypto";
import { type FixtureName, fixtureDefinition, MISSING_PROGRAM } from "@moorage/testing";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Belongings, furnish, type OwnersHouse, openOwnersHouse } from "../support/owners-house.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const KEY = "sentinel-3e8f-of-the-key";

type Body = Readonly<Record<string, unknown>>;

let house: OwnersHouse;
let alice: Belongings;

beforeAll(async () => {
  house = await openOwnersHouse();
  alice = await furnish(house, "alice");
}, 60_000);

afterAll(() => house.close(), 30_000);

const as = (owner: string) => ({
  get: (path: string) => house.ask<Body>(owner, { method: "GET", path }),
  items: async (path: string) =>
    (await house.ask<{ items: readonly Body[] }>(owner, { method: "GET", path })).items,
  send: (method: string, path: string, body?: unknown) => house.ask<Body>(owner, { method, path, body }),
});

/** Registers the fixture for alice, has it approved, and gives its id. */
async function serverOf(
  fixture: FixtureName,
  name: string,
  changes: Parameters<typeof fixtureDefinition>[1] = {},
): Promise<unknown> {
  const { send } = as("alice");
  const definition = fixtureDefinition(fixture, { name, ...changes });
  const { id, approval } = await send("POST", "/servers", definition);
  const { hash } = approval as { readonly hash: string };
  await as("admin").send("POST", `/servers/${id}/approve`, { hash });
  return id;
}

const textOf = (call: Body) =>
  (call.result as { readonly content: readonly { readonly text: string }[] }).content[0]?.text;

describe("tools", () => {
  it("are listed with name, description and the schema of their arguments", async () => {
    const tools = await as("alice").items(`/instances/${alice.instanceId}/tools`);
    expect(tools.find(({ name }) => name === "echo")).toEqual({
      name: "echo",
      description: "Answers with the message it was given.",
      inputSchema: { type: "object", properties: { message: { type: "string" } }, required: ["message"] },
      annotations: { readOnlyHint: true, idempotentHint: true },
    });
  });

  it("are called with arguments and a session, answered with the result and facts, and kept in the history", async () => {
    const input = { arguments: { message: "over the wire" }, sessionId: "conversation-1" };
    const call = await as("alice").send("POST", `/instances/${alice.instanceId}/tools/echo`, input);
    expect(call).toEqual({
      callId: expect.stringMatching(UUID),
      status: "success",
      result: { content: [{ type: "text", text: "over the wire" }] },
      durationMs: expect.any(Number),
      retries: 0,
      createdAt: expect.stringMatching(TIME),
    });
    const history = () => as("alice").items(`/tool-calls?instanceId=${alice.instanceId}&tool=echo&limit=1`);
    await vi.waitFor(async () => expect(await history()).toMatchObject([{ id: call.callId }]), 5_000);
    expect(await history()).toMatchObject([
      { tool: "echo", sessionId: "conversation-1", arguments: input.arguments, status: "success" },
    ]);
  });

  it("that fail are a result with status failed, and calls that cannot be made are errors", async () => {
    const path = `/instances/${alice.instanceId}/tools`;
    const failed = await as("alice").send("POST", `${path}/fail`);
    expect(failed).toMatchObject({ status: "failed", result: { isError: true } });
    const { status, text } = await house.send("alice", { method: "POST", path: `${path}/no-such-tool` });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(Object.keys(JSON.parse(text).error).sort()).toEqual(["code", "details", "message", "retryable"]);
  });

  it("of two instances are each called in their own", async () => {
    const other = await furnish(house, "carol");
    const pids = await Promise.all(
      [alice, other].map(async ({ owner, instanceId }) => {
        const called = textOf(await as(owner).send("POST", `/instances/${instanceId}/tools/pid`));
        const { pid } = await as(owner).get(`/instances/${instanceId}/stats`);
        return { called: Number(called), pid };
      }),
    );
    for (const { called, pid } of pids) expect(called).toBe(pid);
    expect(pids[0]?.pid).not.toBe(pids[1]?.pid);
  });
});

describe("an instance over HTTP", () => {
  it("is created, read, changed, stopped, started, restarted and deleted", async () => {
    const { send, get, items } = as("alice");
    const serverId = await serverOf("echo-light", "cycle");
    const created = await send("POST", "/instances", { serverId, name: "mine", ttlSeconds: 600 });
    expect(created).toMatchObject({
      id: expect.stringMatching(UUID),
      ownerId: "alice",
      name: "mine",
      serverId,
      enabled: true,
      state: "running",
      health: "healthy",
      provider: "local",
    });
    const times = [created.createdAt, created.updatedAt, created.startedAt, created.expiresAt];
    for (const time of times) expect(time).toMatch(TIME);
    expect(Date.parse(`${created.expiresAt}`) - Date.parse(`${created.createdAt}`)).toBe(600_000);

    const path = `/instances/${created.id}`;
    expect(await send("PATCH", path, { name: "ours" })).toMatchObject({ name: "ours", state: "running" });
    expect(await get(path)).toMatchObject({ name: "ours" });
    expect(await send("POST", `${path}/stop`)).toMatchObject({ state: "stopped", reason: "requested" });
    expect(await send("POST", `${path}/start`)).toMatchObject({ state: "running", generation: 2 });
    expect(await send("POST", `${path}/restart`)).toMatchObject({ state: "running", generation: 3 });
    const { status } = await house.send("alice", { method: "DELETE", path });
    expect(status).toBe(204);
    expect((await house.send("alice", { method: "GET", path })).status).toBe(404);
    const kept = await items("/instances?includeDeleted=true");
    expect(kept.find(({ id }) => id === created.id)).toMatchObject({
      state: "deleted",
      deletedAt: expect.stringMatching(TIME),
    });
  });

  it("that is not enabled waits with unknown health", async () => {
    const instance = await as("alice").send("POST", "/instances", {
      serverId: alice.serverId,
      enabled: false,
    });
    expect(instance).toMatchObject({ enabled: false, state: "stopped", health: "unknown", generation: 0 });
    expect(instance.lastActivityAt).toBeNull();
  });

  it("that is created without waiting is pending, with the end of its time", async () => {
    const headers = { prefer: "respond-async" };
    const body = { serverId: alice.serverId, ttlSeconds: 60 };
    const answer = await house.send("alice", { method: "POST", path: "/instances", headers, body });
    expect(answer.status).toBe(202);
    expect(JSON.parse(answer.text)).toMatchObject({
      state: "pending",
      desired: "running",
      expiresAt: expect.stringMatching(TIME),
    });
  });

  it("tells its state, process, time since its start, memory and processor", async () => {
    const path = `/instances/${alice.instanceId}`;
    expect(await as("alice").get(path)).toMatchObject({ state: "running", health: "healthy" });
    const stats = await as("alice").get(`${path}/stats`);
    for (const member of ["pid", "uptimeMs", "memoryBytes"]) expect(stats[member], member).toBeGreaterThan(0);
    expect(stats.cpuPercent).toBeGreaterThanOrEqual(0);
  });

  it("whose program is missing is answered with 500 and the reason", async () => {
    const packages = [{ registryType: "command" as const, command: MISSING_PROGRAM }];
    const serverId = await serverOf("echo-light", "missing", { packages });
    const call = { method: "POST", path: "/instances", body: { serverId } };
    const { status, text } = await house.send("alice", call);
    expect(status).toBe(500);
    expect(JSON.parse(text).error).toMatchObject({
      code: "LAUNCH_FAILED",
      message: expect.stringContaining(MISSING_PROGRAM),
    });
  });

  it("whose tool takes too long is answered with 504, and the history has a timeout", async () => {
    const serverId = await serverOf("slow", "slow");
    const { id } = await as("alice").send("POST", "/instances", { serverId });
    const body = { arguments: { ms: 30_000 }, timeoutMs: 100 };
    const { status, text } = await house.send("alice", {
      method: "POST",
      path: `/instances/${id}/tools/wait`,
      body,
    });
    expect([status, JSON.parse(text).error.code], text).toEqual([504, "TIMEOUT"]);
    const history = () => as("alice").items(`/tool-calls?instanceId=${id}&status=timeout`);
    await vi.waitFor(async () => expect(await history()).toMatchObject([{ tool: "wait" }]), 5_000);
  });

  it("notes when it was used last, and lives that much longer", async () => {
    const body = { serverId: alice.serverId, idleSeconds: 600 };
    const { id } = await as("alice").send("POST", "/instances", body);
    const before = Date.now();
    const used = await as("alice").send("POST", `/instances/${id}/activity`);
    expect(Date.parse(`${used.lastActivityAt}`)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(`${used.autoStopAt}`) - Date.parse(`${used.lastActivityAt}`)).toBe(600_000);
  });
});

describe("a server definition over HTTP", () => {
  it("is registered, read, changed and removed", async () => {
    const { send, get } = as("alice");
    const input = fixtureDefinition("echo-light", { name: "passing", tags: ["a"], version: "1.2.3" });
    const { id } = await send("POST", "/servers", input);
    expect(await get(`/servers/${id}`)).toMatchObject({
      id: expect.stringMatching(UUID),
      ownerId: "alice",
      name: "passing",
      description: input.description,
      version: "1.2.3",
      tags: ["a"],
      visibility: "private",
      packages: [{ registryType: "command", command: process.execPath, args: [expect.any(String)] }],
    });
    expect(await send("PATCH", `/servers/${id}`, { title: "In passing" })).toMatchObject({
      title: "In passing",
      name: "passing",
    });
    expect((await house.send("alice", { method: "DELETE", path: `/servers/${id}` })).status).toBe(204);
    expect((await house.send("alice", { method: "GET", path: `/servers/${id}` })).status).toBe(404);
  });
});

describe("a secret", () => {
  it("reaches the server that was given a reference to it, and nothing that is answered or listed", async () => {
    const { send, get } = as("alice");
    await send("PUT", "/secrets/REAL_KEY", { value: KEY });
    const serverId = await serverOf("needs-env", "by-reference");
    const environment = { API_KEY: "secret:REAL_KEY" };
    const instance = await send("POST", "/instances", { serverId, environment });
    expect(instance.environment).toEqual(environment);
    const call = await send("POST", `/instances/${instance.id}/tools/whoami`);
    expect(textOf(call)).toBe(createHash("sha256").update(KEY).digest("hex").slice(0, 16));
    const paths = ["", "/logs", "/connection", "/tools"].map((path) => `/instances/${instance.id}${path}`);
    const lists = ["/secrets", "/instances", "/servers", "/events", "/audit", "/tool-calls"];
    for (const path of [...paths, ...lists]) expect(JSON.stringify(await get(path)), path).not.toContain(KEY);
  });

  it("that was written into the environment is sealed on entry and works", async () => {
    const serverId = await serverOf("needs-env", "by-value");
    const environment = { API_KEY: KEY };
    const { text } = await house.send("alice", {
      method: "POST",
      path: "/instances",
      body: { serverId, environment },
    });
    expect(text).not.toContain(KEY);
    const instance = JSON.parse(text) as { readonly id: string; readonly environment: Body };
    expect(instance.environment.API_KEY).toMatch(/^secret/);
    const call = await as("alice").send("POST", `/instances/${instance.id}/tools/whoami`);
    expect(textOf(call)).toBe(createHash("sha256").update(KEY).digest("hex").slice(0, 16));
  });
});
