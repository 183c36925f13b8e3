import {
  type Actor,
  createRedactor,
  type Isolation,
  type JsonRpcMessage,
  PlatformError,
  type ProxyContext,
  silentLogger,
} from "@moorage/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ProxyOptions } from "./options.ts";
import { proxy } from "./proxy.ts";
import {
  ALICE,
  answering,
  BOB,
  contextFor,
  INITIALIZE_RESULT,
  manualClock,
  type Script,
  scriptedServer,
  settled,
} from "./scripted-server.test.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface EndpointSetup {
  readonly isolation?: Isolation;
  readonly options?: ProxyOptions;
  readonly overrides?: Partial<ProxyContext>;
}

function endpoint(script: Script = echo, { isolation = "shared", options, overrides }: EndpointSetup = {}) {
  const clock = manualClock();
  const server = scriptedServer(script);
  const context = contextFor(server, { clock, isolation, ...(overrides ? { overrides } : {}) });
  const service = proxy(options).create(context);
  closers.push(() => service.close());
  return { clock, server, context, service };
}

type Endpoint = ReturnType<typeof endpoint>;

const echo = answering((params) => ({ echoed: params }));

const POST_HEADERS = { "content-type": "application/json", accept: "application/json, text/event-stream" };

interface Sent {
  readonly actor?: Actor;
  readonly instanceId?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

function send(
  { service }: Endpoint,
  { actor = ALICE, instanceId = "one", method = "POST", headers = {}, body }: Sent,
) {
  const text = body === undefined || typeof body === "string" ? (body ?? null) : JSON.stringify(body);
  const own = method === "POST" ? POST_HEADERS : { accept: "text/event-stream" };
  const request = new Request("http://127.0.0.1/mcp", {
    method,
    headers: { ...own, ...headers },
    body: text,
  });
  return service.handle(request, { instanceId, actor });
}

const INITIALIZE = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-06-18",
    capabilities: { sampling: {} },
    clientInfo: { name: "test", version: "1" },
  },
};

/** Opens a session and returns a function that sends in it. */
async function client(target: Endpoint, actor: Actor = ALICE) {
  const response = await send(target, { actor, body: INITIALIZE });
  const id = response.headers.get("mcp-session-id") ?? "";
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    send(target, { actor, body, headers: { "mcp-session-id": id, ...headers } });
  await post({ jsonrpc: "2.0", method: "notifications/initialized" });
  const get = () => send(target, { actor, method: "GET", headers: { "mcp-session-id": id } });
  return { id, post, get, response };
}

function call(id: number | string, params: object = { name: "echo", arguments: {} }) {
  return { jsonrpc: "2.0", id, method: "tools/call", params };
}

function deepMessage(depth: number): string {
  const params = `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
}

function messagesIn(text: string): JsonRpcMessage[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, json]) => JSON.parse(json ?? ""));
}

/** Collects what arrives on a stream while the test goes on. */
function listen(response: Response) {
  const heard: JsonRpcMessage[] = [];
  const done = (async () => {
    const reader = response.body?.getReader();
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      heard.push(...messagesIn(Buffer.from(next.value).toString()));
    }
  })();
  return { heard, done };
}

describe("initialize", () => {
  it("is answered from the server's own answer, with the client's revision and a session nobody can guess", async () => {
    const target = endpoint();
    const { response, id } = await client(target);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      jsonrpc: "2.0",
      id: 0,
      result: { ...INITIALIZE_RESULT, protocolVersion: "2025-06-18" },
    });
    expect(id).toMatch(/^[\w-]{32}$/);
    expect((await client(target)).id).not.toBe(id);
    expect(target.server.connections).toHaveLength(1);
    expect(target.server.last().received.filter(({ method }) => method === "initialize")).toHaveLength(1);
  });

  it("is passed to a connection of its own where sessions are isolated", async () => {
    const target = endpoint(echo, { isolation: "session" });
    const { response, post } = await client(target);
    expect(await response.json()).toMatchObject({ id: 0, result: INITIALIZE_RESULT });
    await client(target);
    await post(call(1));
    expect(target.server.connections).toHaveLength(2);
    expect(target.server.connections[0]?.received).toMatchObject([
      { method: "initialize", params: INITIALIZE.params },
      { method: "notifications/initialized" },
      { method: "tools/call" },
    ]);
  });

  it("answers with the error when the instance does not start", async () => {
    const acquire = () => Promise.reject(new PlatformError("LAUNCH_FAILED", "It does not start."));
    const response = await send(endpoint(echo, { overrides: { acquire } }), { body: INITIALIZE });
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({
      id: 0,
      error: {
        code: -32000,
        message: "It does not start.",
        data: { code: "LAUNCH_FAILED", retryable: true },
      },
    });
  });

  it("tells no secret of the instance in an error of the platform", async () => {
    const { value } = createRedactor(["sesame-open-now"]);
    const redact: ProxyContext["redact"] = (_, told) => value(told);
    const acquire = () =>
      Promise.reject(new PlatformError("LAUNCH_FAILED", "Its last line: sesame-open-now"));
    const opening = await send(endpoint(echo, { overrides: { acquire, redact } }), { body: INITIALIZE });
    expect(await opening.json()).toMatchObject({ error: { message: "Its last line: [secret]" } });

    const limitToolCall = () => Promise.reject(new PlatformError("CONFLICT", "sesame-open-now"));
    const { post } = await client(endpoint(echo, { overrides: { limitToolCall, redact } }));
    expect(await (await post(call(1))).json()).toMatchObject({ error: { message: "[secret]" } });
  });

  it("tells nothing of an unexpected failure", async () => {
    const acquire = () => Promise.reject(new Error("password=hunter2"));
    const response = await send(endpoint(echo, { overrides: { acquire } }), { body: INITIALIZE });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("hunter2");
  });

  it("makes room for at most so many connections of one instance", async () => {
    const target = endpoint(echo, { isolation: "session", options: { maxDedicatedConnections: 1 } });
    const first = await client(target);
    await client(target);
    expect(target.server.connections.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    expect((await first.post(call(1))).status).toBe(404);
    const other = await send(target, { actor: BOB, body: INITIALIZE });
    expect(other.status).toBe(403);
    expect(await other.json()).toMatchObject({ error: { data: { code: "LIMIT_EXCEEDED" } } });
  });
});

it("answers also when something fails that must not", async () => {
  let broken = false;
  const touch = () => {
    if (broken) throw new Error("password=hunter2");
  };
  const { post } = await client(endpoint(echo, { overrides: { touch } }));
  broken = true;
  const response = await post({ jsonrpc: "2.0", method: "notifications/x" });
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain("hunter2");
});

it("says what is wrong with a message that is too deep", async () => {
  const response = await send(endpoint(), { body: deepMessage(100) });
  expect(await response.json()).toMatchObject({
    error: { message: "The message is nested more than 64 levels deep." },
  });
});

it("answers a body that breaks off", async () => {
  const body = new ReadableStream({
    pull(controller) {
      controller.error(new Error("reset"));
    },
  });
  const init = { method: "POST", headers: POST_HEADERS, body, duplex: "half" } as RequestInit;
  const response = await endpoint().service.handle(new Request("http://127.0.0.1/mcp", init), {
    instanceId: "one",
    actor: ALICE,
  });
  expect(response.status).toBe(400);
});

describe("a request that is not one of MCP", () => {
  const inSession = { "mcp-session-id": "unknown" };
  it.each<[string, Sent, number, number]>([
    ["a body that is no JSON", { body: "{" }, 400, -32700],
    ["an empty body", { body: "" }, 400, -32700],
    ["a batch", { body: [call(1)] }, 400, -32600],
    ["a message of another protocol", { body: { id: 1, method: "x" } }, 400, -32600],
    [
      "a message with params in a list",
      { body: { jsonrpc: "2.0", id: 1, method: "x", params: [] } },
      400,
      -32600,
    ],
    ["a request with a null id", { body: { jsonrpc: "2.0", id: null, method: "x" } }, 400, -32600],
    ["a message whose method is in capitals", { body: { jsonrpc: "2.0", id: 1, Method: "x" } }, 400, -32600],
    ["a message too deep", { body: deepMessage(100) }, 400, -32600],
    ["a message in plain text", { body: call(1), headers: { "content-type": "text/plain" } }, 415, -32000],
    [
      "a client that takes no streams",
      { body: call(1), headers: { accept: "application/json" } },
      406,
      -32000,
    ],
    [
      "a body that is too large",
      { body: { jsonrpc: "2.0", id: 1, method: "x", params: { a: "x".repeat(2_000) } } },
      413,
      -32000,
    ],
    ["no session", { body: call(1) }, 400, -32000],
    ["an unknown session", { body: call(1), headers: inSession }, 404, -32001],
    ["initialize in an unknown session", { body: INITIALIZE, headers: inSession }, 404, -32001],
    [
      "an unknown revision",
      { body: INITIALIZE, headers: { "mcp-protocol-version": "2026-07-28" } },
      400,
      -32000,
    ],
    ["a foreign origin", { body: INITIALIZE, headers: { origin: "http://evil.example" } }, 403, -32000],
    ["another method", { method: "PUT" }, 405, -32000],
    ["GET without a session", { method: "GET" }, 400, -32000],
    [
      "GET by a client that takes no stream",
      { method: "GET", headers: { accept: "text/html" } },
      400,
      -32000,
    ],
    ["DELETE of an unknown session", { method: "DELETE", headers: inSession }, 404, -32001],
  ])("%s", async (_, sent, status, code) => {
    const target = endpoint(echo, { options: { maxRequestBytes: 1_500 } });
    const response = await send(target, sent);
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toMatchObject({ jsonrpc: "2.0", id: null, error: { code } });
    expect(target.context.acquired).toEqual([]);
  });

  it("names the methods there are", async () => {
    expect((await send(endpoint(), { method: "PATCH" })).headers.get("allow")).toBe("GET, POST, DELETE");
  });
});

describe("a session", () => {
  it("is unknown to another actor and at another instance", async () => {
    const target = endpoint();
    const { id } = await client(target);
    const headers = { "mcp-session-id": id };
    for (const method of ["POST", "GET", "DELETE"]) {
      const body = method === "POST" ? call(1) : undefined;
      expect((await send(target, { actor: BOB, method, headers, body })).status).toBe(404);
      expect((await send(target, { instanceId: "two", method, headers, body })).status).toBe(404);
    }
    expect((await send(target, { headers, body: call(1) })).status).toBe(200);
  });

  it("is initialized once", async () => {
    const { post } = await client(endpoint());
    expect((await post(INITIALIZE)).status).toBe(400);
  });

  it("ends with DELETE, and its calls and streams with it", async () => {
    const target = endpoint(() => {});
    const { id, post, get } = await client(target);
    const stream = listen(await get());
    const open = post(call(1));
    await settled();
    const ended = await send(target, { method: "DELETE", headers: { "mcp-session-id": id } });
    expect(ended.status).toBe(200);
    await stream.done;
    expect(await (await open).text()).toBe("");
    expect(target.server.last().received.at(-1)).toMatchObject({ method: "notifications/cancelled" });
    expect((await post(call(2))).status).toBe(404);
  });

  it("has one GET stream", async () => {
    const { get } = await client(endpoint());
    const first = await get();
    expect([first.status, first.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    expect((await get()).status).toBe(409);
    await first.body?.cancel();
    expect((await get()).status).toBe(200);
  });

  it("outlives the shared connection", async () => {
    const target = endpoint();
    const { post } = await client(target);
    target.server.last().drop();
    expect(await (await post(call(1))).json()).toMatchObject({ id: 1, result: {} });
    expect(target.server.connections).toHaveLength(2);
  });

  it("ends with a connection that is its own", async () => {
    const target = endpoint(({ method }, end) => method === "tools/call" && end.drop(), {
      isolation: "session",
    });
    const { post } = await client(target);
    const failed = await post(call(1));
    expect(await failed.text()).not.toContain("result");
    expect((await post(call(2))).status).toBe(404);
  });
});

describe("a request in a session", () => {
  it("reaches the server as it is and its answer the client as it is", async () => {
    const target = endpoint(({ id }, end) => {
      if (id !== undefined) end.send({ jsonrpc: "2.0", id, result: { a: [1], "x-b": null }, "x-top": 1 });
    });
    const { post } = await client(target);
    const message = {
      jsonrpc: "2.0",
      id: "mine",
      method: "future/thing",
      params: { "x-c": { d: 1 }, _meta: { "x-e": 2 } },
      "x-f": 3,
    };
    const response = await post(message);
    expect(await response.json()).toEqual({
      jsonrpc: "2.0",
      id: "mine",
      result: { a: [1], "x-b": null },
      "x-top": 1,
    });
    const sent = target.server.last().received.at(-1);
    expect(sent).toEqual({ ...message, id: sent?.id });
  });

  it("gets the server's error as it is", async () => {
    const error = { code: -32042, message: "URL needed", data: { elicitations: [] }, "x-more": true };
    const { post } = await client(
      endpoint(({ id }, end) => id !== undefined && end.send({ jsonrpc: "2.0", id, error })),
    );
    expect(await (await post(call(1))).json()).toEqual({ jsonrpc: "2.0", id: 1, error });
  });

  it("becomes a stream when there is progress, under the client's own token", async () => {
    const target = endpoint(({ id, params }, end) => {
      const { progressToken } = (params?._meta ?? {}) as { progressToken?: number };
      const progress = { progressToken, progress: 1, "x-more": 1 };
      end.send({ jsonrpc: "2.0", method: "notifications/progress", params: progress });
      end.send({ jsonrpc: "2.0", id, result: {} });
    });
    const { post } = await client(target);
    const response = await post(call(1, { name: "slow", _meta: { progressToken: "mine" } }));
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(messagesIn(await response.text())).toEqual([
      {
        jsonrpc: "2.0",
        method: "notifications/progress",
        params: { progressToken: "mine", progress: 1, "x-more": 1 },
      },
      { jsonrpc: "2.0", id: 1, result: {} },
    ]);
  });

  it("must have an id of its own while it is under way", async () => {
    const { post } = await client(endpoint(() => {}));
    void post(call(1));
    await settled();
    expect((await post(call(1))).status).toBe(400);
  });

  it("that the client cancels is cancelled at the server and gets no answer, and the host's log no error", async () => {
    const error = vi.fn();
    const target = endpoint(() => {}, { overrides: { logger: { ...silentLogger, error } } });
    const { post } = await client(target);
    const open = post(call(5));
    await settled();
    const cancelled = await post({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: 5, reason: "stop", "x-a": 1 },
    });
    expect(cancelled.status).toBe(202);
    expect(await (await open).text()).toBe("");
    const [sent, notice] = target.server.last().received.slice(-2);
    expect(notice?.params).toEqual({ requestId: sent?.id, reason: "stop", "x-a": 1 });
    expect(target.service.inFlight("one")).toBe(0);
    expect(error).not.toHaveBeenCalled();
    await target.service.flush();
    expect(target.context.records).toMatchObject([
      { status: "failed", errorMessage: "The caller withdrew the call." },
    ]);
  });

  it("that is never answered ends after ten minutes, after signs of life", async () => {
    const target = endpoint(() => {});
    const { post } = await client(target);
    const open = post(call(1));
    await target.clock.advance(600_000);
    const text = await (await open).text();
    expect(text).toContain(": \n\n");
    expect(messagesIn(text)).toMatchObject([{ id: 1, error: { code: -32000, data: { code: "TIMEOUT" } } }]);
    await target.service.flush();
    expect(target.context.records).toMatchObject([{ status: "timeout" }]);
  });

  it("that fails on the way gets a JSON-RPC error with our error inside", async () => {
    const { post } = await client(endpoint(({ method }, end) => method === "tools/call" && end.drop()));
    const response = await post(call(1));
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      id: 1,
      error: {
        code: -32000,
        data: { code: "UPSTREAM_FAILED", retryable: false, details: { outcome: "unknown" } },
      },
    });
  });
});

describe("tools/call over MCP", () => {
  it("counts against the actor's limit, and nothing else does", async () => {
    const target = endpoint();
    const { post } = await client(target);
    await post({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    expect(target.context.limited).toEqual([]);
    await post(call(2));
    expect(target.context.limited).toEqual([ALICE]);
  });

  it("is told in the protocol's own words when the limit is used up", async () => {
    const limitToolCall = () =>
      Promise.reject(
        new PlatformError("RATE_LIMITED", "Slow down.", { details: { rule: "toolCall", retryAfterMs: 5 } }),
      );
    const target = endpoint(echo, { overrides: { limitToolCall } });
    const { post } = await client(target);
    expect(await (await post(call(1))).json()).toMatchObject({
      error: { code: -32000, data: { code: "RATE_LIMITED", retryable: true, details: { retryAfterMs: 5 } } },
    });
    expect(target.server.last().received.map(({ method }) => method)).not.toContain("tools/call");
  });

  it("is recorded with session, actor and redacted arguments", async () => {
    const target = endpoint();
    const { post, id } = await client(target);
    await post(call(1, { name: "login", arguments: { user: "u", password: "p" } }));
    await target.service.flush();
    expect(target.context.records).toMatchObject([
      {
        actorId: "alice",
        ownerId: "alice",
        instanceId: "one",
        serverId: "server",
        sessionId: id,
        tool: "login",
        arguments: { user: "u", password: "[redacted]" },
        status: "success",
        retries: 0,
      },
    ]);
  });
});

describe("what the server says unasked", () => {
  const changed = { jsonrpc: "2.0", method: "notifications/resources/updated", params: { uri: "a:b" } };

  it("reaches the open stream of every session of a shared instance", async () => {
    const target = endpoint();
    const streams = [];
    for (const actor of [ALICE, BOB]) streams.push(listen(await (await client(target, actor)).get()));
    target.server.last().send(changed);
    await settled();
    expect(streams.map(({ heard }) => heard)).toEqual([[changed], [changed]]);
  });

  it("reaches only its own session where sessions are isolated", async () => {
    const target = endpoint(echo, { isolation: "session" });
    const streams = [];
    for (const actor of [ALICE, BOB]) streams.push(listen(await (await client(target, actor)).get()));
    target.server.connections[0]?.send(changed);
    await settled();
    expect(streams.map(({ heard }) => heard)).toEqual([[changed], []]);
  });

  it("over the shared connection reaches no session that has its own", async () => {
    const target = endpoint(echo, { isolation: "session" });
    const { heard } = listen(await (await client(target)).get());
    await target.service.listTools("one");
    target.server.last().send(changed);
    await settled();
    expect(heard).toEqual([]);
  });

  it("about a call goes onto its response where sessions are isolated, and list changes onto the stream", async () => {
    const log = { jsonrpc: "2.0", method: "notifications/message", params: { level: "info" } };
    const target = endpoint(
      ({ id, method }, end) => {
        if (method !== "tools/call") return;
        for (const message of [log, changed, { jsonrpc: "2.0", id, result: {} }]) end.send(message);
      },
      { isolation: "session" },
    );
    const { post, get } = await client(target);
    const { heard } = listen(await get());
    const response = await post(call(1));
    expect(messagesIn(await response.text())).toEqual([log, { jsonrpc: "2.0", id: 1, result: {} }]);
    expect(heard).toEqual([changed]);
  });
});

describe("what the server asks", () => {
  const asking: Script = ({ id, method, result }, end) => {
    if (method === "tools/call") {
      end.send({ jsonrpc: "2.0", id: `for-${id}`, method: "sampling/createMessage", params: { prompt: 1 } });
    } else if (result !== undefined) {
      end.send({ jsonrpc: "2.0", id: Number(String(id).slice(4)), result: { sampled: result } });
    }
  };

  it.each<Isolation>(["shared", "session"])(
    "reaches the client whose call it is about, and its answer the server (%s)",
    async (isolation) => {
      const target = endpoint(asking, { isolation });
      const { post } = await client(target);
      const response = await post(call("c1"));
      const { heard, done } = listen(response);
      await settled();
      expect(heard).toEqual([
        { jsonrpc: "2.0", id: 1, method: "sampling/createMessage", params: { prompt: 1 } },
      ]);
      expect((await post({ jsonrpc: "2.0", id: 1, result: "text" })).status).toBe(202);
      await done;
      expect(heard.at(-1)).toEqual({ jsonrpc: "2.0", id: "c1", result: { sampled: "text" } });
    },
  );

  it("is refused while calls of two clients are under way", async () => {
    const target = endpoint(({ method }, end) => {
      if (method === "ask/now")
        end.send({ jsonrpc: "2.0", id: "q", method: "sampling/createMessage", params: {} });
    });
    const [one, two] = [await client(target), await client(target, BOB)];
    void one.post(call(1));
    void two.post({ jsonrpc: "2.0", id: 1, method: "ask/now" });
    await settled();
    expect(target.server.last().received.at(-1)).toMatchObject({ id: "q", error: { code: -32603 } });
  });

  it("cannot be answered by another client", async () => {
    const target = endpoint(asking);
    const one = await client(target);
    const open = one.post(call(1));
    await settled();
    const two = await client(target, BOB);
    await two.post({ jsonrpc: "2.0", id: 1, result: "forged" });
    expect(target.server.last().received.some(({ result }) => result === "forged")).toBe(false);
    await one.post({ jsonrpc: "2.0", id: 1, result: "true" });
    expect(await (await open).text()).toContain('"sampled":"true"');
  });
});

describe("notifications of a client", () => {
  it("are answered with 202 and passed on, except those about one client of a shared connection", async () => {
    const target = endpoint();
    const { post } = await client(target);
    for (const method of [
      "notifications/roots/list_changed",
      "notifications/initialized",
      "notifications/x",
    ]) {
      const response = await post({ jsonrpc: "2.0", method, params: { a: 1 } });
      expect([response.status, await response.text()]).toEqual([202, ""]);
    }
    expect(target.server.last().received.slice(2)).toEqual([
      { jsonrpc: "2.0", method: "notifications/x", params: { a: 1 } },
    ]);
  });

  it("are all passed on where sessions are isolated", async () => {
    const target = endpoint(echo, { isolation: "session" });
    const { post } = await client(target);
    await post({ jsonrpc: "2.0", method: "notifications/roots/list_changed" });
    expect(target.server.last().received.map(({ method }) => method)).toEqual([
      "initialize",
      "notifications/initialized",
      "notifications/roots/list_changed",
    ]);
  });
});

it("64 clients with equal ids get their own answers and progress, 2,048 calls in all", async () => {
  const held: [JsonRpcMessage, { send(message: unknown): void }][] = [];
  const target = endpoint((message, end) => void (message.id !== undefined && held.push([message, end])));
  const clients = await Promise.all(Array.from({ length: 64 }, () => client(target)));
  const wrong: unknown[] = [];
  const work = Promise.all(
    clients.map(async ({ post }, name) => {
      for (let id = 1; id <= 32; id += 1) {
        const marker = `${name}/${id}`;
        const response = await post(
          call(id, { name: "echo", arguments: { marker }, _meta: { progressToken: id } }),
        );
        const [progress, reply] = messagesIn(await response.text());
        const expected = [
          { progressToken: id, progress: 1, message: marker },
          { id, result: { marker } },
        ];
        if (
          JSON.stringify([progress?.params, { id: reply?.id, result: reply?.result }]) !==
          JSON.stringify(expected)
        ) {
          wrong.push(marker, progress, reply);
        }
      }
    }),
  );
  let done = false;
  void work.finally(() => {
    done = true;
  });
  while (!done) {
    for (const [{ id, params }, end] of held.splice(0).sort(() => Math.random() - 0.5)) {
      const { arguments: given, _meta } = params as {
        arguments: { marker: string };
        _meta: { progressToken: number };
      };
      const progress = { progressToken: _meta.progressToken, progress: 1, message: given.marker };
      end.send({ jsonrpc: "2.0", method: "notifications/progress", params: progress });
      end.send({ jsonrpc: "2.0", id, result: given });
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await work;
  expect(wrong).toEqual([]);
  expect(target.server.connections).toHaveLength(1);
});

it("answers 503 once it is closed", async () => {
  const target = endpoint();
  await target.service.close();
  const response = await send(target, { body: INITIALIZE });
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ error: { data: { code: "SHUTTING_DOWN" } } });
});
