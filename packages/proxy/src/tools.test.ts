import {
  createRedactor,
  type JsonRpcMessage,
  PlatformError,
  type ProxyCallOptions,
  type ProxyContext,
} from "@moorage/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { proxy } from "./proxy.ts";
import {
  ALICE,
  answering,
  contextFor,
  manualClock,
  type Script,
  type ScriptedServer,
  scriptedServer,
  settled,
} from "./scripted-server.test.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function toolsOf(server: Pick<ScriptedServer, "connect">, overrides: Partial<ProxyContext> = {}) {
  const clock = manualClock();
  const context = contextFor(server, { clock, overrides });
  const service = proxy().create(context);
  closers.push(() => service.close());
  const call = (options?: ProxyCallOptions, given: Readonly<Record<string, unknown>> = { text: "hi" }) =>
    service.callTool({ instanceId: "one", name: "echo", arguments: given }, options);
  return { clock, context, service, call };
}

const RESULT = { content: [{ type: "text", text: "hi" }], "x-member": 1 };

/** Takes one value out of whatever is said about one instance, and leaves the others alone. */
function createRedactorFor(secretOf: string, secret: string): Pick<ProxyContext, "redact"> {
  const redactor = createRedactor([secret]);
  return { redact: (instanceId, value) => (instanceId === secretOf ? redactor.value(value) : value) };
}

/** Never answers. */
const silent: Script = () => {};

describe("a call of a tool", () => {
  it("answers with the server's result as it is, and with facts about the call", async () => {
    const server = scriptedServer(answering(() => RESULT));
    const { call, context } = toolsOf(server);
    expect(await call({ actor: ALICE })).toEqual({
      callId: "id-1",
      status: "success",
      result: RESULT,
      durationMs: 0,
      retries: 0,
      createdAt: "2026-01-01T00:00:00.000Z",
    });
    expect(server.last().received.at(-1)).toMatchObject({
      method: "tools/call",
      params: { name: "echo", arguments: { text: "hi" } },
    });
    expect(context.limited).toEqual([ALICE]);
    expect(context.touched).toEqual(["one", "one"]);
  });

  it("calls a result with isError a failed call, not an error", async () => {
    const { call, context, service } = toolsOf(
      scriptedServer(answering(() => ({ content: [], isError: true }))),
    );
    expect(await call()).toMatchObject({ status: "failed", result: { isError: true } });
    await service.flush();
    expect(context.records).toMatchObject([{ status: "failed", errorMessage: null }]);
  });

  it.each([
    [
      "unknown tools and wrong arguments",
      -32602,
      "INVALID_INPUT",
      { issues: [{ path: "", message: "words" }] },
    ],
    [
      "everything else",
      -32050,
      "UPSTREAM_FAILED",
      { outcome: "rejected", code: -32050, message: "words", data: [1] },
    ],
  ])("turns JSON-RPC errors about %s into errors of the platform", async (_, code, expected, details) => {
    const refuse: Script = ({ id }, end) =>
      id !== undefined && end.send({ jsonrpc: "2.0", id, error: { code, message: "words", data: [1] } });
    const { call, context, service } = toolsOf(scriptedServer(refuse));
    await expect(call()).rejects.toMatchObject({ code: expected, details });
    await service.flush();
    expect(context.records).toMatchObject([
      { status: "failed", errorMessage: expect.stringContaining("words") },
    ]);
  });

  it("tells no secret of the instance in an error or in the log, and changes nothing in a result", async () => {
    const { redact } = createRedactorFor("one", "sesame-open-now");
    const error = { code: -32050, message: "no sesame-open-now", data: ["sesame-open-now"] };
    const refuse: Script = ({ id, method, params }, end) => {
      if (id === undefined) return;
      const result = { content: [{ type: "text", text: "sesame-open-now" }] };
      const isGranted = method === "tools/call" && JSON.stringify(params).includes("please");
      end.send({ jsonrpc: "2.0", id, ...(isGranted ? { result } : { error }) });
    };
    const { call, context, service } = toolsOf(scriptedServer(refuse), { redact });
    const refused = {
      code: "UPSTREAM_FAILED",
      message: "The server answered with an error: no [secret]",
      details: { message: "no [secret]", data: ["[secret]"] },
    };
    await expect(call()).rejects.toMatchObject(refused);
    await expect(service.listTools("one")).rejects.toMatchObject(refused);
    expect((await call({}, { text: "please" })).result).toEqual({
      content: [{ type: "text", text: "sesame-open-now" }],
    });
    await service.flush();
    expect(context.records.map(({ errorMessage }) => errorMessage)).toEqual([refused.message, null]);
    expect(JSON.stringify(context.records)).not.toContain("sesame");
  });

  it("refuses a result that is none", async () => {
    const { call } = toolsOf(scriptedServer(answering(() => "text")));
    await expect(call()).rejects.toMatchObject({ code: "UPSTREAM_FAILED" });
  });

  it("reports progress while it is under way", async () => {
    const server = scriptedServer(({ id, params }, end) => {
      if (id === undefined) return;
      const { progressToken } = (params?._meta ?? {}) as { progressToken?: number };
      const progress = { progressToken, progress: 1, total: 2, message: "half", "x-more": 1 };
      end.send({ jsonrpc: "2.0", method: "notifications/progress", params: progress });
      end.send({ jsonrpc: "2.0", id, result: RESULT });
    });
    const { call } = toolsOf(server);
    const heard: unknown[] = [];
    await call({ onProgress: (progress) => heard.push(progress) });
    expect(heard).toEqual([{ progress: 1, total: 2, message: "half" }]);
  });

  it("is stopped by the rate limit before anything starts", async () => {
    const limit = vi.fn().mockRejectedValue(new PlatformError("RATE_LIMITED", "Slow down."));
    const { call, context, service } = toolsOf(scriptedServer(), { limitToolCall: limit });
    await expect(call()).rejects.toMatchObject({ code: "RATE_LIMITED" });
    await service.flush();
    expect(context.acquired).toEqual([]);
    expect(context.records).toEqual([]);
  });

  it.each([
    ["no name", { instanceId: "one", name: "" }, "name"],
    ["arguments in a list", { instanceId: "one", name: "echo", arguments: [1] as never }, "arguments"],
    [
      "arguments too deep",
      { instanceId: "one", name: "echo", arguments: JSON.parse(`${'{"a":'.repeat(70)}1${"}".repeat(70)}`) },
      "arguments",
    ],
    [
      "arguments too many",
      { instanceId: "one", name: "echo", arguments: { list: new Array(100_001).fill(0) } },
      "arguments",
    ],
  ])("is refused with %s, before anything starts", async (_, request, path) => {
    const { service, context } = toolsOf(scriptedServer());
    await expect(service.callTool(request)).rejects.toMatchObject({
      code: "INVALID_INPUT",
      details: { issues: [{ path }] },
    });
    expect(context.acquired).toEqual([]);
    expect(context.limited).toEqual([]);
  });
});

describe("a call that takes too long", () => {
  it("is cancelled at the server, frees its place, and is recorded as a timeout", async () => {
    const server = scriptedServer(silent);
    const { call, clock, context, service } = toolsOf(server);
    const waiting = expect(call()).rejects.toMatchObject({ code: "TIMEOUT", details: { timeoutMs: 30_000 } });
    await settled();
    expect(service.inFlight("one")).toBe(1);
    await clock.advance(30_000);
    await waiting;
    const [sent, cancelled] = server.last().received.slice(-2);
    expect(cancelled).toMatchObject({ method: "notifications/cancelled", params: { requestId: sent?.id } });
    expect(service.inFlight("one")).toBe(0);
    await service.flush();
    expect(context.records).toMatchObject([
      { status: "timeout", durationMs: 30_000, tool: "echo", ownerId: "alice" },
    ]);
  });

  it("may set its own time, which includes the start of the instance", async () => {
    const { call, clock } = toolsOf(scriptedServer(), { acquire: () => new Promise(() => {}) });
    const waiting = expect(call({ timeoutMs: 50 })).rejects.toMatchObject({ code: "TIMEOUT" });
    await clock.advance(50);
    await waiting;
  });

  it("is cancelled when its caller withdraws", async () => {
    const server = scriptedServer(silent);
    const { call, clock, context, service } = toolsOf(server);
    const controller = new AbortController();
    const waiting = expect(call({ signal: controller.signal })).rejects.toMatchObject({
      code: "TIMEOUT",
      message: "The caller withdrew before the call was over; it was cancelled.",
    });
    await settled();
    controller.abort(new Error("gone"));
    await waiting;
    expect(server.last().received.at(-1)).toMatchObject({
      method: "notifications/cancelled",
      params: { reason: "gone" },
    });
    await service.flush();
    expect(context.records).toMatchObject([
      { status: "failed", errorMessage: "The caller withdrew the call." },
    ]);
    expect(clock.timers).toBe(0);
  });

  it("is not sent at all when its caller has withdrawn before", async () => {
    const server = scriptedServer(silent);
    const { call } = toolsOf(server);
    await expect(call({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "TIMEOUT" });
    await settled();
    expect(server.connections.flatMap(({ received }) => received.map(({ method }) => method))).not.toContain(
      "tools/call",
    );
  });
});

describe("failures of the connection", () => {
  it("after the call was sent are never repeated", async () => {
    const server = scriptedServer(({ method }, end) => {
      if (method === "tools/call") end.drop();
    });
    const { call, context, service } = toolsOf(server);
    await expect(call()).rejects.toMatchObject({ code: "UPSTREAM_FAILED", details: { outcome: "unknown" } });
    await service.flush();
    expect(server.connections).toHaveLength(1);
    expect(context.records).toMatchObject([{ status: "failed", retries: 0 }]);
  });

  it("before it was sent are repeated, counted, and served by the next connection", async () => {
    const server = scriptedServer(answering(() => RESULT));
    let refusals = 2;
    const connect = async () => {
      if (refusals-- > 0) throw new PlatformError("UPSTREAM_UNAVAILABLE", "Not yet.");
      return server.connect();
    };
    const { call, clock, context, service } = toolsOf({ connect });
    const answer = call();
    await clock.advance(5_000);
    expect(await answer).toMatchObject({ status: "success", retries: 2 });
    await service.flush();
    expect(context.records).toMatchObject([{ retries: 2 }]);
    expect(context.acquired).toEqual(["one", "one", "one"]);
  });

  it("are given up after three repetitions", async () => {
    const connect = vi.fn(async () => Promise.reject(new Error("no")));
    const { call, clock } = toolsOf({ connect });
    const refused = expect(call()).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      details: { outcome: "never_sent" },
    });
    await clock.advance(5_000);
    await refused;
    expect(connect).toHaveBeenCalledTimes(4);
  });

  it("between two calls are mended by the next one", async () => {
    const server = scriptedServer(answering(() => RESULT));
    const { call, context } = toolsOf(server);
    await call();
    server.last().drop();
    expect(await call()).toMatchObject({ status: "success", retries: 0 });
    expect(context.acquired).toEqual(["one", "one"]);
  });

  it("that come from the start of the instance are passed on", async () => {
    const acquire = vi.fn().mockRejectedValue(new PlatformError("LAUNCH_FAILED", "It does not start."));
    const { call } = toolsOf(scriptedServer(), { acquire });
    await expect(call()).rejects.toMatchObject({ code: "LAUNCH_FAILED" });
    expect(acquire).toHaveBeenCalledTimes(1);
  });
});

it("a hundred concurrent calls to a sleeping instance start it once", async () => {
  const server = scriptedServer(answering(() => RESULT));
  const { call, context } = toolsOf(server);
  const answers = await Promise.all(Array.from({ length: 100 }, () => call()));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(["success"]));
  expect(context.acquired).toEqual(["one"]);
  expect(server.connections).toHaveLength(1);
});

it("calls beyond the instance's bounds are refused at once", async () => {
  const { service } = toolsOf(scriptedServer(silent));
  const small = proxy({ concurrencyPerInstance: 1, queuePerInstance: 1 }).create(
    contextFor(scriptedServer(silent)),
  );
  closers.push(() => small.close());
  const call = () => small.callTool({ instanceId: "one", name: "echo" });
  void call().catch(() => {});
  void call().catch(() => {});
  await expect(call()).rejects.toMatchObject({
    code: "UPSTREAM_UNAVAILABLE",
    details: { retryAfterMs: 1_000 },
  });
  expect([small.inFlight("one"), service.inFlight("one")]).toEqual([2, 0]);
});

describe("lists", () => {
  const pages = (kind: string, all: readonly object[]): Script =>
    answering((params) => {
      const at = Number(params.cursor ?? 0);
      return {
        [kind]: all.slice(at, at + 2),
        ...(at + 2 < all.length ? { nextCursor: String(at + 2) } : {}),
      };
    });
  const items = [
    { name: "a", "x-kept": { b: 1 } },
    { name: "b" },
    { name: "c", _meta: {} },
    "nonsense",
    { name: "d" },
  ];

  it.each(["listTools", "listResources", "listPrompts"] as const)(
    "%s follows every page and keeps every member",
    async (method) => {
      const server = scriptedServer(pages(method.slice(4).toLowerCase(), items as object[]));
      const { service } = toolsOf(server);
      expect(await service[method]("one")).toEqual(items.filter((item) => item !== "nonsense"));
      expect(server.last().received.filter(({ method: name }) => name?.endsWith("/list"))).toHaveLength(3);
    },
  );

  it("are empty for a server that has none of the kind", async () => {
    const missing: Script = ({ id }, end) =>
      end.send({ jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } });
    expect(await toolsOf(scriptedServer(missing)).service.listPrompts("one")).toEqual([]);
  });

  it("end with an error for a server whose pages have no end", async () => {
    const server = scriptedServer(answering(() => ({ tools: [{ name: "again" }], nextCursor: "more" })));
    await expect(toolsOf(server).service.listTools("one")).rejects.toMatchObject({ code: "UPSTREAM_FAILED" });
    expect(server.last().received.filter(({ method }) => method === "tools/list")).toHaveLength(100);
  });
});

describe("the proxy towards the platform", () => {
  it("pings over the open connection, and only over that", async () => {
    const server = scriptedServer(answering(() => ({})));
    const { service, call } = toolsOf(server);
    await expect(service.ping("one")).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    await call().catch(() => {});
    await service.ping("one");
    expect(server.last().received.at(-1)).toMatchObject({ method: "ping" });
  });

  it("takes a ping that is not answered for a failure", async () => {
    const { service, clock, context } = toolsOf(scriptedServer(silent));
    await service.open(await context.acquire("one"));
    const failing = expect(service.ping("one")).rejects.toMatchObject({
      code: "TIMEOUT",
      details: { timeoutMs: 5_000 },
    });
    await clock.advance(5_000);
    await failing;
    expect(clock.timers).toBe(0);
  });

  it("ends calls under way with UPSTREAM_UNAVAILABLE when the instance is released, without a second try", async () => {
    const server = scriptedServer(silent);
    const { service, call } = toolsOf(server);
    const waiting = expect(call()).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      details: { outcome: "unknown" },
    });
    await settled();
    await service.release("one");
    await waiting;
    expect(server.connections.map(({ isClosed }) => isClosed)).toEqual([true]);
  });

  it("opens a connection that the next call uses", async () => {
    const server = scriptedServer(answering(() => RESULT));
    const { service, call, context } = toolsOf(server);
    await service.open(await context.acquire("one"));
    await call();
    expect(server.connections).toHaveLength(1);
    expect(server.last().received[0]).toMatchObject({
      method: "initialize",
    } satisfies Partial<JsonRpcMessage>);
  });

  it("writes the records of interrupted calls when it closes, and takes no more", async () => {
    const server = scriptedServer(silent);
    const { service, call, context, clock } = toolsOf(server);
    const waiting = expect(call()).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    await settled();
    await Promise.all([service.close(), service.close()]);
    await waiting;
    expect(context.records).toMatchObject([{ status: "failed" }]);
    await expect(call()).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
    await expect(service.listTools("one")).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
    await expect(service.open(await context.acquire("one"))).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
    expect(clock.timers).toBe(0);
  });
});
