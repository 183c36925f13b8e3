import fastify from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { toFastify } from "./fastify.ts";
import { testHandler } from "./http/test-handler.ts";
import { serveFastify } from "./http/test-servers.ts";

describe("toFastify among other routes", () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  it("leaves the app's own body parsing alone", async () => {
    const { handler, services } = testHandler();
    const app = fastify();
    app.post("/own", async (request) => ({ parsed: request.body }));
    await app.register(toFastify({ basePath: "/moorage", handler }));
    const { origin, close } = await serveFastify(app);
    closers.push(close);
    const init = {
      method: "POST",
      headers: { authorization: "Bearer alice", "content-type": "application/json" },
      body: JSON.stringify({ arguments: { a: 1 } }),
    };
    expect(await (await fetch(`${origin}/own`, init)).json()).toEqual({ parsed: { arguments: { a: 1 } } });
    expect((await fetch(`${origin}/own`, { ...init, body: "{" })).status).toBe(400);
    await fetch(`${origin}/moorage/instances/instance-1/tools/echo`, init);
    expect(services.calls[0]?.args[1]).toEqual({ name: "echo", arguments: { a: 1 } });
    expect((await fetch(`${origin}/other`)).headers.get("x-request-id")).toBeNull();
  });

  it("keeps the headers that hooks set, and lets hooks answer first", async () => {
    const { handler } = testHandler();
    const app = fastify();
    app.addHook("onRequest", async (request, reply) => {
      reply.header("access-control-allow-origin", "*");
      if (request.headers["x-stop"]) return reply.code(418).send("stopped");
    });
    await app.register(toFastify({ basePath: "/moorage", handler }));
    const { origin, close } = await serveFastify(app);
    closers.push(close);
    const { headers } = await fetch(`${origin}/moorage/health`);
    expect(headers.get("access-control-allow-origin")).toBe("*");
    expect((await fetch(`${origin}/moorage/health`, { headers: { "x-stop": "1" } })).status).toBe(418);
  });
});
