import { describe, expect, it } from "vitest";
import { PlatformError } from "../errors.ts";
import { createHttpHandler } from "./handler.ts";
import { problemOf, testHandler } from "./test-handler.ts";

const anonymous = { authorization: "" };

describe("who may come in", () => {
  it("answers health and the document to everybody", async () => {
    const { send } = testHandler();
    expect((await send("/health", { headers: anonymous })).status).toBe(200);
    expect((await send("/openapi.json", { headers: anonymous })).status).toBe(200);
  });

  it("answers 401 with a challenge where nobody is known, on routes and on the MCP endpoint", async () => {
    const { send, services } = testHandler();
    for (const path of ["/servers", "/instances/instance-1/mcp"]) {
      const response = await send(path, { headers: anonymous });
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
      expect(await problemOf(response)).toMatchObject({ status: 401, code: "UNAUTHENTICATED" });
    }
    expect(services.calls).toEqual([]);
  });

  it("answers 401 to everybody when the host has no authenticate hook", async () => {
    const { authenticate: _, ...deps } = testHandler().deps;
    const handler = createHttpHandler(deps);
    const response = await handler(new Request("http://host.test/moorage/servers"));
    expect(response.status).toBe(401);
  });

  it("takes an instance's access token without asking the host", async () => {
    const { send, services } = testHandler({
      authenticate: () => {
        throw new Error("the host was asked");
      },
    });
    const authorization = "bearer moorage_good";
    const response = await send("/instances/instance-1/mcp", { method: "POST", headers: { authorization } });
    expect(response.status).toBe(200);
    expect(services.calls[0]?.args[1]).toEqual({
      instanceId: "instance-1",
      actor: { id: "alice", instanceId: "instance-1" },
    });
    const unknown = await send("/servers", { headers: { authorization: "Bearer moorage_other" } });
    expect(unknown.status).toBe(401);
  });

  it("refuses an actor without an id as the host's mistake", async () => {
    const { send, logs } = testHandler({ authenticate: () => ({ id: "" }) });
    expect((await send("/servers")).status).toBe(500);
    expect(logs[0]).toMatchObject({ level: "error" });
  });
});

describe("rate limits", () => {
  it("counts management requests, but neither MCP messages nor tool calls nor public routes", async () => {
    const { send, consumed } = testHandler();
    await send("/servers");
    await send("/instances/instance-1/start", { method: "POST" });
    expect(consumed).toEqual(["api", "api"]);
    await send("/instances/instance-1/mcp", { method: "POST" });
    await send("/instances/instance-1/tools/echo", { json: {} });
    await send("/health");
    expect(consumed).toEqual(["api", "api"]);
  });

  it("says when to come back", async () => {
    const details = { rule: "api", retryAfterMs: 1_200 };
    const { send, services } = testHandler({
      rateLimits: {
        consume: async () => {
          throw new PlatformError("RATE_LIMITED", "Used up.", { details });
        },
      },
    });
    const response = await send("/servers");
    expect(response.headers.get("retry-after")).toBe("2");
    expect(response.headers.get("ratelimit-reset")).toBe("2");
    expect(await problemOf(response)).toMatchObject({ status: 429, retryable: true, details });
    expect(services.calls).toEqual([]);
  });
});

describe("what every response has", () => {
  it("echoes a well-formed request id and makes one otherwise", async () => {
    const { send } = testHandler({ ids: () => "made-id" });
    const idOf = async (sent: string) =>
      (await send("/health", { headers: { "x-request-id": sent } })).headers.get("x-request-id");
    expect(await idOf("A.b_c-9")).toBe("A.b_c-9");
    expect(await idOf("no blanks")).toBe("made-id");
    expect(await idOf("x".repeat(65))).toBe("made-id");
  });

  it("is neither cached nor sniffed, errors included", async () => {
    const { send } = testHandler();
    for (const path of ["/servers", "/nowhere"]) {
      const { headers } = await send(path);
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("content-type")).toBe("application/json");
    }
  });

  it("leaves the MCP endpoint's own headers as they are", async () => {
    const { send } = testHandler();
    const { headers } = await send("/instances/instance-1/mcp", { json: {} });
    expect(headers.get("cache-control")).toBe("no-cache");
    expect(headers.get("mcp-session-id")).toBe("s1");
    expect(headers.get("x-request-id")).toMatch(/^[\w-]{36}$/);
  });

  it("bears a plugin's response whose headers are sealed", async () => {
    const sealed = Response.redirect("http://host.test/elsewhere");
    const { send } = testHandler({ plugins: new Map([["jump", async () => sealed]]) });
    const response = await send("/plugins/jump/now");
    expect(response.status).toBe(302);
    expect(response.headers.get("location")).toBe("http://host.test/elsewhere");
    expect(response.headers.get("x-request-id")).not.toBeNull();
  });

  it("is answered to HEAD as to GET, without the body", async () => {
    const { send, services } = testHandler();
    const response = await send("/servers", { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.text()).toBe("");
    expect(services.calls).toMatchObject([{ operation: "catalog.list" }]);
    const stream = await send("/events/stream", { method: "HEAD" });
    expect(stream.headers.get("content-type")).toBe("text/event-stream");
    expect(await stream.text()).toBe("");
    expect(services.events.listenerCount).toBe(0);
  });
});

describe("what it cannot answer", () => {
  it("tells unknown paths from wrong methods", async () => {
    const { send } = testHandler();
    expect(await problemOf(await send("/nowhere"))).toMatchObject({ status: 404, code: "NOT_FOUND" });
    expect(await problemOf(await send("/servers/"))).toMatchObject({ status: 404 });
    const wrong = await send("/servers/server-1", { method: "PUT", json: {} });
    expect(wrong.headers.get("allow")).toBe("GET, HEAD, PATCH, DELETE");
    expect(await problemOf(wrong)).toMatchObject({ status: 405, code: "METHOD_NOT_ALLOWED" });
    const strange = await send("/servers", { method: "PURGE" });
    expect(strange.headers.get("allow")).toBe("GET, HEAD, POST");
    expect((await send("/servers", { method: "OPTIONS" })).status).toBe(405);
  });

  it("answers below its base path only", async () => {
    const { handler } = testHandler();
    for (const path of ["/", "/health", "/moorage2/health", "/api/moorage/health"]) {
      expect((await handler(new Request(`http://host.test${path}`))).status).toBe(404);
    }
    const root = testHandler({ basePath: "/" });
    expect((await root.handler(new Request("http://host.test/health?"))).status).toBe(200);
  });

  it("never lets the text of an unknown failure out, but logs it with the request's id", async () => {
    const { send, services, logs } = testHandler();
    services.events.failure = new Error("password is hunter2");
    const response = await send("/events?after=1", { headers: { "x-request-id": "r1" } });
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(text).toContain('"code":"INTERNAL"');
    expect(text).not.toContain("hunter2");
    expect(logs).toMatchObject([
      { level: "error", details: { requestId: "r1", method: "GET", path: "/moorage/events" } },
    ]);
  });

  it("passes a platform error on without its cause", async () => {
    const { send, services, logs } = testHandler();
    services.events.failure = new PlatformError("DATABASE_BUSY", "Busy.", { cause: new Error("inner") });
    const response = await send("/events");
    expect(await response.json()).toEqual({
      error: { code: "DATABASE_BUSY", message: "Busy.", details: null, retryable: true },
    });
    expect(logs).toMatchObject([{ level: "warn" }]);
  });

  it("answers INTERNAL for what is no response, and for details that are no JSON", async () => {
    const notAResponse = async () => ({}) as Response;
    const unserialisable = async () => {
      throw new PlatformError("CONFLICT", "No.", { details: { count: 1n } });
    };
    const { send } = testHandler({
      plugins: new Map([
        ["none", notAResponse],
        ["big", unserialisable],
      ]),
    });
    expect((await send("/plugins/none")).status).toBe(500);
    expect(await problemOf(await send("/plugins/big"))).toMatchObject({ status: 500, code: "INTERNAL" });
  });

  it("reports a failing database as 503", async () => {
    const { send } = testHandler({ health: async () => ({ database: "failing" }) });
    const response = await send("/health");
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ status: "failing", database: "failing" });
  });
});

describe("what is handed on whole", () => {
  it("gives a plugin every method and path below its name, unauthenticated", async () => {
    const seen: string[] = [];
    const echo = async (request: Request) => {
      seen.push(`${request.method} ${new URL(request.url).pathname}`);
      return new Response(request.body);
    };
    const { send } = testHandler({ plugins: new Map([["echo", echo]]) });
    const posted = await send("/plugins/echo/a/b", { method: "POST", body: "plain", headers: anonymous });
    expect(await posted.text()).toBe("plain");
    expect((await send("/plugins/echo", { method: "DELETE", headers: anonymous })).status).toBe(200);
    expect(seen).toEqual(["POST /moorage/plugins/echo/a/b", "DELETE /moorage/plugins/echo"]);
    expect(await problemOf(await send("/plugins/other/a"))).toMatchObject({ status: 404 });
  });

  it("drops, and stops, the body of what answers HEAD", async () => {
    let wasStopped = false;
    const endless = async () =>
      new Response(
        new ReadableStream({
          cancel: () => {
            wasStopped = true;
          },
        }),
      );
    const { send } = testHandler({ plugins: new Map([["endless", endless]]) });
    const response = await send("/plugins/endless", { method: "HEAD" });
    expect(response.body).toBeNull();
    expect(wasStopped).toBe(true);
  });

  it("gives the MCP endpoint the very request, and streams what comes back", async () => {
    const { handler, services } = testHandler();
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
    const request = new Request("http://host.test/moorage/instances/a%20b/mcp", {
      method: "POST",
      body,
      headers: { authorization: "Bearer alice", "content-length": String(body.length) },
    });
    const response = await handler(request);
    expect(services.calls[0]?.args[0]).toBe(request);
    expect(services.calls[0]?.args[1]).toEqual({ instanceId: "a b", actor: { id: "alice" } });
    expect(await response.text()).toBe(body);
  });

  it("bounds the MCP endpoint's body, declared or not", async () => {
    const { send, services } = testHandler();
    const declared = await send("/instances/instance-1/mcp", {
      method: "POST",
      body: "x",
      headers: { "content-length": "2001" },
    });
    expect(await problemOf(declared)).toMatchObject({ status: 413, code: "PAYLOAD_TOO_LARGE" });
    expect(services.calls).toEqual([]);
    const reading = testHandler({
      services: {
        ...services,
        tools: { ...services.tools, handle: async (request) => new Response(await request.text()) },
      },
    });
    const exactly = await reading.send("/instances/instance-1/mcp", {
      method: "POST",
      body: "x".repeat(2_000),
    });
    expect((await exactly.text()).length).toBe(2_000);
    const longer = await reading.send("/instances/instance-1/mcp", {
      method: "POST",
      body: "x".repeat(2_001),
    });
    expect(await problemOf(longer)).toMatchObject({ status: 413 });
  });

  it("answers 413 also where the reader made something else of the broken body", async () => {
    const { services } = testHandler();
    const handle = async (request: Request) => {
      await request.text().catch(() => "");
      return new Response("parse error", { status: 400 });
    };
    const { send } = testHandler({ services: { ...services, tools: { ...services.tools, handle } } });
    const response = await send("/instances/instance-1/mcp", { method: "POST", body: "x".repeat(2_001) });
    expect(response.status).toBe(413);
  });
});
