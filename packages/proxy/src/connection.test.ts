import { type JsonRpcMessage, PlatformError, silentLogger } from "@moorage/core";
import { describe, expect, it, vi } from "vitest";
import { UpstreamConnection } from "./connection.ts";
import { isObject } from "./json-rpc.ts";
import { manualClock, type Script, scriptedServer, settled } from "./scripted-server.test.ts";
import type { Client, ServerRequest } from "./server-requests.ts";

async function connected(script: Script = () => {}, owner?: Client) {
  const clock = manualClock();
  const server = scriptedServer(script);
  const notified: JsonRpcMessage[] = [];
  const connection = new UpstreamConnection(await server.connect(), {
    ...{ clock, logger: silentLogger },
    onNotification: (message) => void notified.push(message),
    ...(owner ? { owner } : {}),
  });
  return { clock, connection, server: server.last(), notified };
}

function callFor(params: Readonly<Record<string, unknown>>, id: number | string = 1): JsonRpcMessage {
  return { jsonrpc: "2.0", id, method: "tools/call", params };
}

function clientThatNotes() {
  const asked: ServerRequest[] = [];
  const withdrawn: ServerRequest[] = [];
  const client: Client = {
    ask: (request) => void asked.push(request),
    withdraw: (request) => void withdrawn.push(request),
  };
  return { client, asked, withdrawn };
}

const ELICIT = { jsonrpc: "2.0", id: "q1", method: "elicitation/create", params: { message: "?" } };

describe("re-keying", () => {
  it("gives 64 callers with equal ids and tokens their own answers and their own progress", async () => {
    // The server collects calls and answers them in an order that has nothing to do with the one they came in.
    const held: JsonRpcMessage[] = [];
    const { connection, server } = await connected((message) => void held.push(message));
    const answerAll = () => {
      for (const message of held.splice(0).sort(() => Math.random() - 0.5)) {
        const { marker, _meta } = message.params ?? {};
        const progressToken = isObject(_meta) ? _meta.progressToken : undefined;
        const params = { progressToken, progress: 1, message: marker };
        server.send({ jsonrpc: "2.0", method: "notifications/progress", params });
        server.send({ jsonrpc: "2.0", id: message.id, result: { marker } });
      }
    };
    const caller = async (name: number) => {
      const mixedUp: unknown[] = [];
      for (let turn = 0; turn < 32; turn += 1) {
        const marker = `${name}/${turn}`;
        const progress: JsonRpcMessage[] = [];
        const call = connection.request({
          message: callFor({ marker, _meta: { progressToken: "token" } }, 1),
          onProgress: (message) => void progress.push(message),
        });
        const expected = {
          jsonrpc: "2.0",
          method: "notifications/progress",
          params: { progressToken: "token", progress: 1, message: marker },
        };
        const reply = await call.reply;
        if (JSON.stringify(reply.result) !== JSON.stringify({ marker })) mixedUp.push(reply);
        if (JSON.stringify(progress) !== JSON.stringify([expected])) mixedUp.push(progress);
      }
      return mixedUp;
    };
    const callers = Promise.all(Array.from({ length: 64 }, (_, name) => caller(name)));
    let done = false;
    void callers.then(() => {
      done = true;
    });
    while (!done) {
      answerAll();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await callers).flat()).toEqual([]);
    expect(server.received).toHaveLength(64 * 32);
    expect(new Set(server.received.map(({ id }) => id)).size).toBe(64 * 32);
    expect(connection.dropped).toBe(0);
  });

  it("changes nothing but the id and the progress token", async () => {
    const { connection, server } = await connected();
    const message = {
      jsonrpc: "2.0",
      id: "mine",
      method: "future/method",
      params: { "x-a": [1], _meta: { progressToken: "t", "x-b": { c: null } } },
      "x-top": true,
    } as const;
    void connection.request({ message }).reply.catch(() => {});
    const [sent] = server.received;
    expect(sent).toEqual({
      ...message,
      id: sent?.id,
      params: { ...message.params, _meta: { ...message.params._meta, progressToken: sent?.id } },
    });
    expect(sent?.id).not.toBe("mine");
  });

  it("adds no progress token to a request that has none", async () => {
    const { connection, server } = await connected();
    void connection.request({ message: callFor({ _meta: { "x-trace": 1 } }) }).reply.catch(() => {});
    expect(server.received[0]?.params).toEqual({ _meta: { "x-trace": 1 } });
  });
});

describe("messages that belong to nothing", () => {
  it.each([
    ["a reply to an unknown id", { jsonrpc: "2.0", id: 999, result: {} }],
    ["a reply to no id", { jsonrpc: "2.0", id: null, error: { code: -32700, message: "?" } }],
    ["a reply under the caller's own id", { jsonrpc: "2.0", id: "1", result: {} }],
    [
      "progress of an unknown token",
      { jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: 7 } },
    ],
    [
      "progress nobody asked for",
      { jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: 1 } },
    ],
    [
      "a withdrawal of nothing",
      { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 5 } },
    ],
    ["neither request nor reply", { jsonrpc: "2.0", id: 1 }],
    ["a request with a null id", { jsonrpc: "2.0", id: null, method: "roots/list" }],
  ])("drops and counts %s", async (_, message) => {
    const onProgress = vi.fn();
    const { connection, server, notified } = await connected();
    let answered = false;
    const call = connection.request({ message: callFor({}), onProgress });
    void call.reply.then(() => {
      answered = true;
    });
    server.send(message);
    await settled();
    expect(connection.dropped).toBe(1);
    expect({ answered, notified, progress: onProgress.mock.calls }).toEqual({
      answered: false,
      notified: [],
      progress: [],
    });
    expect(server.received).toHaveLength(1);
  });
});

describe("cancellation", () => {
  it("names the server's id, ends the call with the reason, and ignores the late reply", async () => {
    const { connection, server } = await connected();
    const call = connection.request({ message: callFor({}, "mine") });
    call.cancel("enough", { reason: "user pressed stop" });
    await expect(call.reply).rejects.toBe("enough");
    const [sent, cancelled] = server.received;
    expect(cancelled).toEqual({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { reason: "user pressed stop", requestId: sent?.id },
    });
    expect(connection.pending).toBe(0);
    server.send({ jsonrpc: "2.0", id: sent?.id, result: {} });
    await settled();
    expect(connection.dropped).toBe(0);
  });

  it("does nothing once the reply is there", async () => {
    const { connection, server } = await connected((message, end) =>
      end.send({ jsonrpc: "2.0", id: message.id, result: {} }),
    );
    const call = connection.request({ message: callFor({}) });
    await call.reply;
    call.cancel("late");
    expect(server.received).toHaveLength(1);
  });
});

describe("a connection that ends", () => {
  it("fails the calls under way with outcome unknown, at once", async () => {
    const { connection, server } = await connected();
    const call = connection.request({ message: callFor({}) });
    server.drop();
    await expect(call.reply).rejects.toMatchObject({
      code: "UPSTREAM_FAILED",
      details: { outcome: "unknown" },
    });
    expect(connection.isOpen).toBe(false);
  });

  it("refuses new calls as never sent", async () => {
    const { connection, server } = await connected();
    server.drop();
    expect(() => connection.request({ message: callFor({}) })).toThrowError(
      expect.objectContaining({ code: "UPSTREAM_UNAVAILABLE", details: { outcome: "never_sent" } }),
    );
  });

  it("says when it was a message that was too large", async () => {
    const { connection, server } = await connected();
    const call = connection.request({ message: callFor({}) });
    server.drop(new PlatformError("FRAME_TOO_LARGE", "A line had 99 MB."));
    await expect(call.reply).rejects.toMatchObject({
      code: "FRAME_TOO_LARGE",
      details: { outcome: "unknown" },
    });
  });

  it("ends calls with UPSTREAM_UNAVAILABLE when it is closed from here", async () => {
    const { connection, server } = await connected();
    const call = connection.request({ message: callFor({}) });
    const closed = connection.close();
    await expect(call.reply).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      details: { outcome: "unknown" },
    });
    await closed;
    expect(server.isClosed).toBe(true);
  });

  it("calls a message never sent that the transport did not take", async () => {
    const server = scriptedServer();
    const transport = await server.connect();
    transport.send = async () => {
      throw new Error("EPIPE");
    };
    const connection = new UpstreamConnection(transport, { clock: manualClock(), logger: silentLogger });
    await expect(connection.request({ message: callFor({}) }).reply).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      details: { outcome: "never_sent" },
    });
    expect(connection.pending).toBe(0);
  });
});

it("bounds the calls that wait for a reply", async () => {
  const { connection } = await connected();
  const add = () => connection.request({ message: callFor({}) }).reply.catch(() => {});
  for (let count = 0; count < 4_096; count += 1) void add();
  expect(add).toThrowError(expect.objectContaining({ code: "UPSTREAM_UNAVAILABLE" }));
});

describe("a request of the server", () => {
  it("that is a ping is answered", async () => {
    const { server } = await connected();
    server.send({ jsonrpc: "2.0", id: "p", method: "ping" });
    await settled();
    expect(server.received).toEqual([{ jsonrpc: "2.0", id: "p", result: {} }]);
  });

  it("goes to the one client whose call is under way, and its answer back under the server's id", async () => {
    const { connection, server } = await connected();
    const { client, asked } = clientThatNotes();
    void connection.request({ message: callFor({}), client }).reply.catch(() => {});
    void connection.request({ message: callFor({}), client }).reply.catch(() => {});
    server.send(ELICIT);
    await settled();
    expect(asked.map(({ message }) => message)).toEqual([ELICIT]);
    asked[0]?.answer({ jsonrpc: "2.0", id: 77, result: { action: "accept" } });
    asked[0]?.answer({ jsonrpc: "2.0", id: 77, result: { action: "decline" } });
    expect(server.received.slice(2)).toEqual([{ jsonrpc: "2.0", id: "q1", result: { action: "accept" } }]);
  });

  it.each([
    ["nobody has a call under way", []],
    ["two clients have calls under way", [clientThatNotes().client, clientThatNotes().client]],
    ["a client and a caller who cannot be asked have calls under way", [clientThatNotes().client, undefined]],
    ["only a caller who cannot be asked has a call under way", [undefined]],
  ])("is refused when %s", async (_, clients) => {
    const { connection, server } = await connected();
    for (const client of clients)
      void connection.request({ message: callFor({}), client }).reply.catch(() => {});
    server.send(ELICIT);
    await settled();
    expect(server.received.at(-1)).toMatchObject({ id: "q1", error: { code: -32603 } });
  });

  it("is not given to somebody else while a cancelled call may still be asking", async () => {
    const { clock, connection, server } = await connected();
    const first = clientThatNotes();
    const second = clientThatNotes();
    const call = connection.request({ message: callFor({}), client: first.client });
    call.reply.catch(() => {});
    call.cancel("enough");
    void connection.request({ message: callFor({}), client: second.client }).reply.catch(() => {});
    server.send(ELICIT);
    await settled();
    expect(second.asked).toEqual([]);
    await clock.advance(30_000);
    server.send({ ...ELICIT, id: "q2" });
    await settled();
    expect(second.asked).toHaveLength(1);
  });

  it("ignores the proxy's own pings when it looks for the client", async () => {
    const { connection, server } = await connected();
    const { client, asked } = clientThatNotes();
    void connection.request({ message: callFor({}), client }).reply.catch(() => {});
    void connection
      .request({ message: { jsonrpc: "2.0", method: "ping" }, internal: true })
      .reply.catch(() => {});
    server.send(ELICIT);
    await settled();
    expect(asked).toHaveLength(1);
  });

  it("goes to the owner of a connection that is not shared, also with no call under way", async () => {
    const { client, asked } = clientThatNotes();
    const { server } = await connected(() => {}, client);
    server.send({ jsonrpc: "2.0", id: 0, method: "roots/list" });
    await settled();
    expect(asked).toHaveLength(1);
  });

  it("is withdrawn from its client when the server withdraws it or is gone", async () => {
    const { client, asked, withdrawn } = clientThatNotes();
    const { server } = await connected(() => {}, client);
    server.send(ELICIT);
    server.send({ ...ELICIT, id: "q2" });
    server.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "q1" } });
    await settled();
    expect(withdrawn).toEqual([asked[0]]);
    server.drop();
    expect(withdrawn).toEqual(asked);
  });

  it("gets the client's progress under its own token", async () => {
    const { client, asked } = clientThatNotes();
    const { server } = await connected(() => {}, client);
    server.send({ ...ELICIT, params: { message: "?", _meta: { progressToken: "server's" } } });
    await settled();
    asked[0]?.progress({
      jsonrpc: "2.0",
      method: "notifications/progress",
      params: { progressToken: 1, progress: 0.5 },
    });
    expect(server.received).toEqual([
      {
        jsonrpc: "2.0",
        method: "notifications/progress",
        params: { progressToken: "server's", progress: 0.5 },
      },
    ]);
  });
});

it("hands on what the server says unasked", async () => {
  const { server, notified } = await connected();
  const message = { jsonrpc: "2.0", method: "notifications/tools/list_changed" };
  server.send(message);
  await settled();
  expect(notified).toEqual([message]);
});
