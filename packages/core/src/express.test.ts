import express, { type Express } from "express";
import { afterEach, describe, expect, it } from "vitest";
import { toExpress } from "./express.ts";
import { problemOf, testHandler } from "./http/test-handler.ts";
import { serveExpress } from "./http/test-servers.ts";

describe("toExpress among other middleware", () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  async function start(app: Express): Promise<string> {
    const { origin, close } = await serveExpress(app);
    closers.push(close);
    return origin;
  }

  it("leaves what is outside of its base path to the rest of the app", async () => {
    const { handler } = testHandler();
    const app = express().use(toExpress({ basePath: "/moorage", handler }));
    app.get("/moorage2", (_request, response) => void response.send("mine"));
    const origin = await start(app);
    expect(await (await fetch(`${origin}/moorage2`)).text()).toBe("mine");
    expect((await fetch(`${origin}/moorage?x=1`)).status).toBe(404);
    expect((await fetch(`${origin}/`)).headers.get("x-request-id")).toBeNull();
  });

  it.each([
    ["express.json()", express.json(), "application/json"],
    ["express.json() for every type", express.json({ type: "*/*" }), "application/json"],
    ["express.text()", express.text({ type: "*/*" }), "application/json"],
    ["express.raw()", express.raw({ type: "*/*" }), "application/json"],
  ])("takes a body that %s has read already", async (_, parser, type) => {
    const { handler, services } = testHandler({ requestBytes: 10_000 });
    const app = express()
      .use(parser)
      .use("/moorage", toExpress({ basePath: "/moorage", handler }));
    const origin = await start(app);
    const headers = { authorization: "Bearer alice", "content-type": type };
    const body = JSON.stringify({ arguments: { text: "żółw" } });
    const called = await fetch(`${origin}/moorage/instances/instance-1/tools/echo`, {
      method: "POST",
      headers,
      body,
    });
    expect(called.status).toBe(200);
    expect(services.calls[0]?.args[1]).toEqual({ name: "echo", arguments: { text: "żółw" } });
    const mcp = await fetch(`${origin}/moorage/instances/instance-1/mcp`, { method: "POST", headers, body });
    expect(await mcp.json()).toEqual(JSON.parse(body));
    const empty = await fetch(`${origin}/moorage/instances/instance-1/stop`, { method: "POST", headers });
    expect(empty.status).toBe(200);
    const wrong = await fetch(`${origin}/moorage/instances`, { method: "POST", headers, body: "{}" });
    expect(await problemOf(wrong)).toMatchObject({ status: 400, code: "INVALID_INPUT" });
  });

  it("keeps the headers that earlier middleware set", async () => {
    const { handler } = testHandler();
    const app = express().use((_request, response, next) => {
      response.setHeader("access-control-allow-origin", "*");
      next();
    });
    const origin = await start(app.use(toExpress({ basePath: "/moorage", handler })));
    const { headers } = await fetch(`${origin}/moorage/health`);
    expect(headers.get("access-control-allow-origin")).toBe("*");
  });
});
