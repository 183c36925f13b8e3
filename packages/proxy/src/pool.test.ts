import {
  type Instance,
  type JsonRpcMessage,
  PlatformError,
  silentLogger,
  type Upstream,
} from "@moorage/core";
import { describe, expect, it, vi } from "vitest";
import { ConnectionPool } from "./pool.ts";
import {
  INITIALIZE_RESULT,
  instanceOf,
  manualClock,
  type ScriptedServer,
  scriptedServer,
  settled,
} from "./scripted-server.test.ts";

function poolFor(
  server: Pick<ScriptedServer, "connect">,
  acquire?: (pool: () => ConnectionPool) => Promise<Upstream>,
) {
  const clock = manualClock();
  const notified: [string, JsonRpcMessage][] = [];
  const upstream: Upstream = { instance: instanceOf("one"), connect: () => server.connect() };
  const acquired = vi.fn(async () => (acquire ? acquire(() => pool) : upstream));
  const pool: ConnectionPool = new ConnectionPool({
    ...{ clock, logger: silentLogger, acquire: acquired, connectTimeoutMs: 1_000 },
    onNotification: (id, message) => void notified.push([id, message]),
  });
  return { pool, clock, acquired, notified, upstream };
}

const owner = { ask() {}, withdraw() {} };
const initialize = {
  jsonrpc: "2.0",
  id: 9,
  method: "initialize",
  params: { capabilities: { "x-own": {} } },
} as const;
const dedicated = { owner, initialize, onNotification() {}, onClose() {} };

describe("the shared connection", () => {
  it("is opened once for a hundred concurrent callers", async () => {
    const server = scriptedServer();
    const { pool, acquired } = poolFor(server);
    const routes = await Promise.all(Array.from({ length: 100 }, () => pool.shared("one")));
    expect(new Set(routes).size).toBe(1);
    expect(acquired).toHaveBeenCalledTimes(1);
    expect(server.connections).toHaveLength(1);
  });

  it("introduces itself with sampling, elicitation and roots, and keeps the server's whole answer", async () => {
    const server = scriptedServer();
    const { pool } = poolFor(server);
    const route = await pool.shared("one");
    expect(route.initialized).toEqual(INITIALIZE_RESULT);
    expect(server.last().received).toMatchObject([
      {
        method: "initialize",
        params: {
          protocolVersion: "2025-11-25",
          capabilities: { sampling: {}, elicitation: {}, roots: {} },
          clientInfo: { name: "moorage" },
        },
      },
      { method: "notifications/initialized" },
    ]);
  });

  it("is the one that starting the instance has opened", async () => {
    const server = scriptedServer();
    const { pool, upstream } = poolFor(server, async (self) => {
      await self().open(upstream);
      return upstream;
    });
    await pool.shared("one");
    expect(server.connections).toHaveLength(1);
  });

  it("is opened anew after it broke", async () => {
    const server = scriptedServer();
    const { pool, acquired } = poolFor(server);
    const first = await pool.shared("one");
    server.last().drop();
    expect(pool.current("one")).toBeUndefined();
    const second = await pool.shared("one");
    expect(second).not.toBe(first);
    expect(acquired).toHaveBeenCalledTimes(2);
  });

  it("takes the place of the one before when the instance was launched again", async () => {
    const server = scriptedServer();
    const { pool, upstream } = poolFor(server);
    await pool.open(upstream);
    await pool.open(upstream);
    expect(server.connections.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    expect(pool.current("one")?.connection.isOpen).toBe(true);
  });

  it("hands on what its server says unasked", async () => {
    const server = scriptedServer();
    const { pool, notified } = poolFor(server);
    await pool.shared("one");
    server.last().send({ jsonrpc: "2.0", method: "notifications/tools/list_changed" });
    await settled();
    expect(notified).toEqual([["one", { jsonrpc: "2.0", method: "notifications/tools/list_changed" }]]);
  });

  it("lets a caller go who withdraws, while the others get it", async () => {
    const server = scriptedServer();
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { pool, upstream } = poolFor(server, async () => {
      await gate;
      return upstream;
    });
    const controller = new AbortController();
    const impatient = pool.shared("one", controller.signal);
    const patient = pool.shared("one");
    controller.abort("enough");
    await expect(impatient).rejects.toBe("enough");
    go();
    expect((await patient).connection.isOpen).toBe(true);
  });
});

describe("a connection that cannot be opened", () => {
  it("was never sent anything, whatever the provider says", async () => {
    const { pool } = poolFor({
      connect: () => Promise.reject(new PlatformError("UPSTREAM_FAILED", "No route.")),
    });
    await expect(pool.shared("one")).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      message: "The server cannot be reached. No route.",
      details: { outcome: "never_sent" },
    });
  });

  it("is closed when the server does not answer initialize in time", async () => {
    const server = scriptedServer();
    const { pool, clock } = poolFor({
      connect: async () => {
        const transport = await server.connect();
        return Object.assign(transport, { send: async () => {} });
      },
    });
    const opening = expect(pool.shared("one")).rejects.toMatchObject({
      code: "START_TIMEOUT",
      details: { timeoutMs: 1_000 },
    });
    await clock.advance(1_000);
    await opening;
    expect(server.last().isClosed).toBe(true);
    expect(clock.timers).toBe(0);
  });

  it.each([
    ["an error", { error: { code: -32602, message: "Unsupported" } }, "UPSTREAM_FAILED"],
    ["something else than MCP", { result: { hello: 1 } }, "UPSTREAM_FAILED"],
  ])("is closed when the server answers %s", async (_, answer, code) => {
    const server = scriptedServer();
    const connect = async () => {
      const transport = await server.connect();
      const send = async ({ id }: JsonRpcMessage) => server.last().send({ jsonrpc: "2.0", id, ...answer });
      return Object.assign(transport, { send });
    };
    const { pool } = poolFor({ connect });
    await expect(pool.shared("one")).rejects.toMatchObject({ code });
    expect(server.last().isClosed).toBe(true);
  });

  it("is closed when its caller has gone before it came", async () => {
    const server = scriptedServer();
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const connect = async () => {
      await gate;
      return server.connect();
    };
    const { pool, upstream } = poolFor({ connect });
    const controller = new AbortController();
    const opening = pool.open(upstream, { signal: controller.signal });
    controller.abort("enough");
    await expect(opening).rejects.toBe("enough");
    go();
    await settled();
    expect(server.last().isClosed).toBe(true);
  });
});

describe("a dedicated connection", () => {
  it("is opened with the client's own initialize and leaves initialized to that client", async () => {
    const server = scriptedServer();
    const { pool, upstream } = poolFor(server);
    const route = await pool.dedicated(upstream, dedicated);
    expect(route.initialized).toEqual(INITIALIZE_RESULT);
    expect(server.last().received).toMatchObject([{ method: "initialize", params: initialize.params }]);
    expect(pool.current("one")).toBeUndefined();
  });

  it("tells its owner when it ends", async () => {
    const server = scriptedServer();
    const { pool, upstream } = poolFor(server);
    const onClose = vi.fn();
    await pool.dedicated(upstream, { ...dedicated, onClose });
    server.last().drop();
    expect(onClose).toHaveBeenCalledTimes(1);
  });
});

describe("release", () => {
  it("closes every connection of the instance and no other's", async () => {
    const server = scriptedServer();
    const { pool, upstream } = poolFor(server);
    await pool.open(upstream);
    await pool.dedicated(upstream, dedicated);
    await pool.open({ ...upstream, instance: { id: "two" } as Instance });
    await pool.release("one");
    expect(server.connections.map(({ isClosed }) => isClosed)).toEqual([true, true, false]);
  });

  it("gives up a connection that is being opened", async () => {
    const { pool, upstream } = poolFor({ connect: () => new Promise(() => {}) });
    const opening = pool.open(upstream);
    await pool.release("one");
    await expect(opening).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
  });

  it("does nothing for an instance without connections", async () => {
    const { pool } = poolFor(scriptedServer());
    await expect(pool.release("none")).resolves.toBeUndefined();
  });
});

it("answers nobody any more once it is closed, also not those who wait for a start", async () => {
  const { pool, upstream } = poolFor(scriptedServer(), () => new Promise(() => {}));
  const waiting = pool.shared("one");
  await pool.close();
  await expect(waiting).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  await expect(pool.open(upstream)).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
});

it.each(["release", "close"] as const)(
  "%s leaves no connection open, at whatever moment it comes",
  async (method) => {
    for (let turns = 0; turns < 60; turns += 1) {
      const server = scriptedServer();
      const { pool } = poolFor(server);
      const opening = pool.shared("one").catch(() => undefined);
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      // What is not connected yet when a release comes belongs to a later start.
      const began = server.connections.length > 0;
      await pool[method]("one");
      await opening;
      if (method === "close" || began)
        expect(
          server.connections.filter(({ isClosed }) => !isClosed),
          `after ${turns} turns`,
        ).toEqual([]);
    }
  },
);
