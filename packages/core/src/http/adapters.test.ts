import { createServer } from "node:http";
import { connect } from "node:net";
import express from "express";
import fastify from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { toExpress } from "../express.ts";
import { toFastify } from "../fastify.ts";
import { type MountablePlatform, toNodeHandler } from "../node.ts";
import { problemOf, testHandler } from "./test-handler.ts";
import { type Served, serveExpress, serveFastify, serveServer } from "./test-servers.ts";

type Serve = (platform: MountablePlatform) => Promise<Served>;

/** What every adapter must do, on a real server with real sockets. */
const adapters: Readonly<Record<string, Serve>> = {
  toNodeHandler: (platform) => serveServer(createServer(toNodeHandler(platform))),
  "toExpress at the root": (platform) => serveExpress(express().use(toExpress(platform))),
  "toExpress at the base path": (platform) => serveExpress(express().use("/moorage", toExpress(platform))),
  "toExpress behind a body parser that does not apply": (platform) =>
    serveExpress(express().use(express.json({ type: "application/none" }), toExpress(platform))),
  toFastify: async (platform) => {
    const app = fastify({ bodyLimit: 1_000 });
    await app.register(toFastify(platform));
    return serveFastify(app);
  },
  "toFastify with a prefix": async (platform) => {
    const app = fastify();
    await app.register(toFastify(platform), { prefix: "/moorage" });
    return serveFastify(app);
  },
};

const globalsBefore = { Request: globalThis.Request, Response: globalThis.Response };
const LIMIT = 8 * 1024 * 1024;
const FIVE_MEGABYTES = 5 * 1024 * 1024;
const credentials = { authorization: "Bearer alice" };

describe.each(Object.entries(adapters))("%s", (_, serve) => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  async function mount(handler: MountablePlatform["handler"]) {
    const served = await serve({ basePath: "/moorage", handler });
    closers.push(() => served.close());
    return { ...served, url: `${served.origin}/moorage` };
  }

  it("hands the request on as it was sent", async () => {
    const { url } = await mount(async (request) =>
      Response.json({
        method: request.method,
        url: request.url,
        header: request.headers.get("x-one"),
        body: await request.text(),
      }),
    );
    const init = { method: "PATCH", headers: { "x-one": "1", "content-type": "text/plain" }, body: "żółw" };
    const response = await fetch(`${url}/a%2Fb?c=%20d&c=e`, init);
    expect(await response.json()).toEqual({
      method: "PATCH",
      url: `${url}/a%2Fb?c=%20d&c=e`,
      header: "1",
      body: "żółw",
    });
    expect((await fetch(url)).status).toBe(200);
  });

  it("carries five megabytes in and out, declared and chunked", async () => {
    const { handler } = testHandler({ requestBytes: LIMIT });
    const { url } = await mount(handler);
    const bytes = new Uint8Array(FIVE_MEGABYTES).map((_, index) => index % 251);
    for (const body of [bytes, new Blob([bytes]).stream()]) {
      const init = { method: "POST", headers: credentials, body, duplex: "half" } as const;
      const response = await fetch(`${url}/instances/instance-1/mcp`, init);
      expect(response.status).toBe(200);
      expect(Buffer.compare(Buffer.from(await response.arrayBuffer()), bytes)).toBe(0);
    }
  });

  it("refuses a body over the limit, and serves the next request", async () => {
    const { handler, services } = testHandler({ requestBytes: 100_000 });
    const { url } = await mount(handler);
    const headers = { ...credentials, "content-type": "application/json" };
    for (const path of ["/instances/instance-1/tools/echo", "/instances/instance-1/mcp"]) {
      const init = { method: "POST", headers, body: "x".repeat(300_000) };
      const response = await fetch(`${url}${path}`, init);
      expect(await problemOf(response)).toMatchObject({ status: 413, code: "PAYLOAD_TOO_LARGE" });
    }
    const stream = new Blob(["x".repeat(300_000)]).stream();
    const chunked = { method: "POST", headers, body: stream, duplex: "half" } as const;
    const response = await fetch(`${url}/instances/instance-1/tools/echo`, chunked);
    expect(response.status).toBe(413);
    expect(services.calls).toEqual([]);
    expect((await fetch(`${url}/servers`, { headers })).status).toBe(200);
  });

  it("answers an oversized body before it was sent", async () => {
    const { handler } = testHandler({ requestBytes: 100 });
    const { origin } = await mount(handler);
    const head = [
      "POST /moorage/instances/instance-1/tools/echo HTTP/1.1",
      `Host: ${new URL(origin).host}`,
      "Authorization: Bearer alice",
      "Content-Type: application/json",
      "Content-Length: 1000000000",
    ];
    expect(await rawExchange(origin, head)).toMatch(/^HTTP\/1\.1 413 /);
  });

  it("answers a broken Host header with 400", async () => {
    const { handler } = testHandler();
    const { origin } = await mount(handler);
    const answer = await rawExchange(origin, [
      "GET /moorage/health HTTP/1.1",
      "Host: a b",
      "Connection: close",
    ]);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"INVALID_INPUT"');
  });

  it("passes each piece of a stream on when it is there", async () => {
    const { handler, services } = testHandler();
    const { url } = await mount(handler);
    const response = await fetch(`${url}/events/stream`, { headers: credentials });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe(": connected\n\n");
    for (const sequence of [1, 2, 3]) {
      services.events.emit();
      expect((await reader?.read())?.value).toContain(`id: ${sequence}\n`);
    }
    await reader?.cancel();
    await expect.poll(() => services.events.listenerCount).toBe(0);
  });

  it("aborts the request's signal when the client goes away", async () => {
    let arrived = () => {};
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    let wasAborted = false;
    const { url } = await mount(async (request) => {
      await request.text();
      arrived();
      await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
      wasAborted = true;
      return new Response("late");
    });
    const controller = new AbortController();
    const init = { method: "POST", body: "{}", signal: controller.signal };
    const pending = fetch(`${url}/wait`, { ...init, headers: { "content-type": "text/plain" } });
    const failure = pending.catch((error: unknown) => error);
    await arrival;
    controller.abort();
    await failure;
    await expect.poll(() => wasAborted).toBe(true);
  });

  it("answers HEAD without a body, and errors with ours", async () => {
    const { handler } = testHandler();
    const { url } = await mount(handler);
    const head = await fetch(`${url}/servers`, { method: "HEAD", headers: credentials });
    expect(head.status).toBe(200);
    expect(head.headers.get("content-type")).toBe("application/json");
    expect(await problemOf(await fetch(`${url}/nowhere`))).toMatchObject({ status: 404 });
    expect(await problemOf(await fetch(`${url}/servers`))).toMatchObject({ status: 401 });
  });

  it("leaves the process's own Request and Response alone", async () => {
    await mount(async () => new Response());

    expect(globalThis.Request).toBe(globalsBefore.Request);
    expect(globalThis.Response).toBe(globalsBefore.Response);
  });
});

/** Sends these lines over a socket of its own and gives everything that comes back. */
function rawExchange(origin: string, lines: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(`${lines.join("\r\n")}\r\n\r\n`));
    let answer = "";
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      answer += text;
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}
