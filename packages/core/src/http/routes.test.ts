import { describe, expect, it } from "vitest";
import { testHandler } from "./test-handler.ts";
import { ALICE, INSTANCE, SERVER } from "./test-rows.ts";
import { toInstanceView } from "./views.ts";

/** Sends it and gives the answer's status and JSON, and what the one operation it called was given. */
async function exchange(path: string, init: RequestInit & { readonly json?: unknown } = {}) {
  const { send, services } = testHandler();
  const response = await send(path, init);
  const text = await response.text();
  const [call] = services.calls;
  expect(services.calls.length).toBe(1);
  expect(call?.args.at(-1)).toMatchObject({ actor: ALICE, signal: expect.any(AbortSignal) });
  return {
    status: response.status,
    headers: response.headers,
    body: text === "" ? null : (JSON.parse(text) as unknown),
    operation: call?.operation,
    input: call?.args.slice(0, -1),
  };
}

const view = toInstanceView(INSTANCE);

describe("servers", () => {
  it("lists with its filters", async () => {
    expect(await exchange("/servers?limit=5&cursor=c&search=echo&ownerId=bob")).toMatchObject({
      status: 200,
      body: { items: [SERVER], nextCursor: "next" },
      input: [{ limit: 5, cursor: "c", search: "echo", ownerId: "bob" }],
    });
  });

  it("hands a new definition on untouched and says where it is", async () => {
    const json = { name: "x", anything: { goes: true } };
    const created = await exchange("/servers", { json });
    expect(created).toMatchObject({ status: 201, body: SERVER, input: [json] });
    expect(created.headers.get("location")).toBe("/moorage/servers/server-1");
  });

  it("imports, changes, approves and removes", async () => {
    const source = { mcpServers: {} };
    expect(await exchange("/servers/import", { json: source })).toMatchObject({
      status: 201,
      body: { items: [SERVER], nextCursor: null },
      operation: "catalog.import",
      input: [source],
    });
    expect(await exchange("/servers/server-1", { method: "PATCH", json: { title: "T" } })).toMatchObject({
      status: 200,
      operation: "catalog.update",
      input: ["server-1", { title: "T" }],
    });
    expect(await exchange("/servers/server-1/approve", { json: { hash: "h1" } })).toMatchObject({
      status: 200,
      operation: "catalog.approve",
      input: ["server-1", { hash: "h1" }],
    });
    expect(await exchange("/servers/server-1", { method: "DELETE" })).toMatchObject({
      status: 204,
      body: null,
      operation: "catalog.remove",
    });
  });
});

describe("instances", () => {
  it("lists with its filters", async () => {
    expect(await exchange("/instances?serverId=s&state=running&includeDeleted=true&limit=200")).toMatchObject(
      {
        body: { items: [view], nextCursor: null },
        input: [{ serverId: "s", state: "running", includeDeleted: true, limit: 200 }],
      },
    );
  });

  it("waits until a new one runs", async () => {
    const { send, services } = testHandler();
    const response = await send("/instances", { json: { serverId: "server-1", enabled: true } });
    expect(response.status).toBe(201);
    expect(response.headers.get("location")).toBe("/moorage/instances/instance-1");
    expect(response.headers.get("preference-applied")).toBeNull();
    expect(services.calls[0]?.args).toMatchObject([{ serverId: "server-1", enabled: true }, { wait: true }]);
  });

  it("does not wait where that is preferred", async () => {
    const { send, services } = testHandler();
    const headers = { prefer: "handling=lenient, Respond-Async; wait=10" };
    const response = await send("/instances", { json: { serverId: "server-1" }, headers });
    expect(response.status).toBe(202);
    expect(response.headers.get("preference-applied")).toBe("respond-async");
    expect(response.headers.get("location")).toBe("/moorage/instances/instance-1");
    expect(services.calls[0]?.args).toMatchObject([{ serverId: "server-1" }, { wait: false }]);
  });

  it("shows everything but what only replicas need", async () => {
    const { body } = await exchange("/instances/instance-1");
    expect(body).toEqual(view);
    expect(body).toMatchObject({ generation: 2, resourceId: "pid-1" });
    expect(body).not.toHaveProperty("version");
    expect(body).not.toHaveProperty("hostId");
  });

  it("changes and removes", async () => {
    const json = {
      name: "n",
      environment: { A: "secret:a" },
      ttlSeconds: null,
      secretDelivery: "file",
      restartOnRotation: true,
    };
    expect(await exchange("/instances/instance-1", { method: "PATCH", json })).toMatchObject({
      status: 200,
      body: view,
      input: ["instance-1", json],
    });
    expect(await exchange("/instances/instance-1", { method: "DELETE" })).toMatchObject({
      status: 204,
      operation: "instances.remove",
    });
  });

  it.each([
    ["start", "start"],
    ["stop", "stop"],
    ["restart", "restart"],
    ["restore", "restore"],
    ["activity", "touch"],
  ])("answers POST %s with the instance afterwards", async (verb, operation) => {
    expect(await exchange(`/instances/instance-1/${verb}`, { method: "POST" })).toMatchObject({
      status: 200,
      body: view,
      operation: `instances.${operation}`,
      input: ["instance-1"],
    });
  });

  it("takes an empty body of any type where none is needed", async () => {
    const headers = { "content-type": "text/plain", "content-length": "0" };
    const init = { method: "POST", headers };
    expect(await exchange("/instances/instance-1/stop", init)).toMatchObject({ status: 200 });
  });

  it("gives logs, stats and what its server offers", async () => {
    expect(await exchange("/instances/instance-1/logs?limit=10")).toMatchObject({
      body: { items: [{ text: "hello" }], nextCursor: null },
      input: ["instance-1", { limit: 10 }],
    });
    expect(await exchange("/instances/instance-1/stats")).toMatchObject({ body: { cpuPercent: 1 } });
    const operations = { tools: "list", resources: "listResources", prompts: "listPrompts" };
    for (const [kind, operation] of Object.entries(operations)) {
      const answer = await exchange(`/instances/instance-1/${kind}`);
      expect(answer).toMatchObject({ operation: `tools.${operation}`, body: { nextCursor: null } });
    }
  });

  it("makes and revokes access tokens", async () => {
    expect(
      await exchange("/instances/instance-1/tokens", { json: { name: "phone", ttlSeconds: 60 } }),
    ).toMatchObject({
      status: 201,
      body: { token: "moorage_secret" },
      input: ["instance-1", { name: "phone", ttlSeconds: 60 }],
    });
    expect(await exchange("/instances/instance-1/tokens", { method: "POST" })).toMatchObject({
      status: 201,
      input: ["instance-1", {}],
    });
    expect(
      await exchange("/instances/instance-1/tokens?tokenId=token-1", { method: "DELETE" }),
    ).toMatchObject({ body: { revoked: 1 }, input: ["instance-1", { tokenId: "token-1" }] });
  });
});

describe("tool calls", () => {
  it("passes arguments, session and time limit on, and the answer back", async () => {
    const { send, services } = testHandler();
    const json = { arguments: { text: "hi", deep: [{ a: null }] }, sessionId: "s", timeoutMs: 50 };
    const response = await send("/instances/instance-1/tools/my%2Ftool", { json });
    expect(await response.json()).toMatchObject({ callId: "call-1", status: "success", retries: 0 });
    expect(services.calls[0]?.args).toMatchObject([
      "instance-1",
      { name: "my/tool", arguments: json.arguments },
      { actor: ALICE, sessionId: "s", timeoutMs: 50 },
    ]);
  });

  it("needs no body", async () => {
    expect(await exchange("/instances/instance-1/tools/now", { method: "POST" })).toMatchObject({
      status: 200,
      input: ["instance-1", { name: "now" }],
    });
  });

  it("is cancelled with its request", async () => {
    const { send, services } = testHandler();
    const controller = new AbortController();
    await send("/instances/instance-1/tools/now", { method: "POST", signal: controller.signal });
    controller.abort();
    expect(services.calls[0]?.args[2]).toMatchObject({ signal: { aborted: true } });
  });
});

describe("secrets", () => {
  it("stores and removes, in a scope where one is named", async () => {
    const scope = { kind: "instance", id: "instance-1" };
    expect(await exchange("/secrets/TOKEN", { method: "PUT", json: { value: "v", scope } })).toMatchObject({
      status: 200,
      input: [{ name: "TOKEN", value: "v", scope }],
    });
    expect(await exchange("/secrets/TOKEN", { method: "DELETE" })).toMatchObject({
      status: 204,
      input: [{ name: "TOKEN" }],
    });
    const path = "/secrets/TOKEN?scope=instance&scopeId=instance-1";
    expect(await exchange(path, { method: "DELETE" })).toMatchObject({
      status: 204,
      input: [{ name: "TOKEN", scope }],
    });
  });

  it("lists those of everybody, of an owner or of a scope", async () => {
    expect(await exchange("/secrets?ownerId=bob")).toMatchObject({ input: [{ ownerId: "bob" }] });
    const listed = await exchange("/secrets?limit=5&scope=server&scopeId=server-1");
    expect(listed.input).toEqual([{ limit: 5, scope: { kind: "server", id: "server-1" } }]);
  });

  it("rotates", async () => {
    const json = { value: "v", graceSeconds: 0, rotateAfterDays: null };
    expect(await exchange("/secrets/TOKEN/rotate", { json })).toMatchObject({
      status: 200,
      operation: "secrets.rotate",
      input: [{ name: "TOKEN", ...json }],
    });
  });

  it("tells the use of a secret, its value left out", async () => {
    const path = "/secrets/TOKEN/usage?scope=instance&scopeId=instance-1";
    expect(await exchange(path)).toMatchObject({
      status: 200,
      body: { secret: { name: "TOKEN" }, grantedTo: ["instance-2"], instances: ["instance-1"] },
      input: [{ name: "TOKEN", scope: { kind: "instance", id: "instance-1" } }],
    });
  });

  it("grants an instance's secret to another, and takes that back", async () => {
    const scope = { kind: "instance", id: "instance-1" };
    const grant = { toInstanceId: "instance-2", scope };
    expect(await exchange("/secrets/TOKEN/grants", { json: grant })).toMatchObject({
      status: 204,
      operation: "secrets.grant",
      input: [{ name: "TOKEN", ...grant }],
    });
    expect(await exchange("/secrets/TOKEN/grants", { method: "DELETE", json: grant })).toMatchObject({
      status: 204,
      operation: "secrets.revoke",
      input: [{ name: "TOKEN", ...grant }],
    });
  });
});

describe("records", () => {
  it.each([
    ["/tool-calls?instanceId=i&tool=t&status=failed", "tools.history"],
    ["/audit?action=server.create&subjectId=s", "audit.list"],
    ["/usage?instanceId=i", "usage.list"],
    ["/events?type=server.removed&subjectId=s", "events.list"],
  ])("%s is handed on", async (path, operation) => {
    const filters = Object.fromEntries(new URLSearchParams(path.split("?")[1]));
    expect(await exchange(path)).toMatchObject({ status: 200, operation, input: [filters] });
  });

  it("sums up 30 days unless told otherwise", async () => {
    expect(await exchange("/costs")).toMatchObject({ input: [{ days: 30 }] });
    expect(await exchange("/costs?days=7&ownerId=bob")).toMatchObject({
      input: [{ days: 7, ownerId: "bob" }],
    });
  });

  it("counts", async () => {
    expect(await exchange("/stats")).toMatchObject({ body: { servers: 1 }, operation: "stats" });
  });
});

describe("connection", () => {
  it("gives the endpoint's address as the request saw it, and no credential", async () => {
    const { body } = await exchange("/instances/instance-1/connection");
    const text = JSON.stringify(body);
    expect(body).toMatchObject({
      instanceId: "instance-1",
      url: "http://host.test/moorage/instances/instance-1/mcp",
      headers: { Authorization: "Bearer <ACCESS_TOKEN>" },
    });
    expect(text).not.toContain("alice");
  });
});
