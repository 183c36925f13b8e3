import type { JsonRpcMessage } from "@moorage/core";
import { describe, expect, it, vi } from "vitest";
import { CallResponse } from "./call-response.ts";
import { instanceOf, settled } from "./scripted-server.test.ts";
import type { ServerRequest } from "./server-requests.ts";
import { Session } from "./session.ts";
import { SseWriter } from "./sse-writer.ts";

function session() {
  const onEnd = vi.fn();
  const made = new Session({ id: "s", actorId: "alice", instance: instanceOf(), now: 0, onEnd });
  return { session: made, onEnd };
}

function callIn(target: Session, id: number) {
  const call = { response: new CallResponse(), cancel: vi.fn() };
  target.begin(id, call);
  return call;
}

function question(params: object = {}) {
  const message = { jsonrpc: "2.0", id: "server's", method: "elicitation/create", params } as const;
  const request = { message, answer: vi.fn(), refuse: vi.fn(), progress: vi.fn() };
  return request as typeof request & ServerRequest;
}

/** Everything that was sent on the stream of a response, once it has ended. */
async function sentOn(response: Response | Promise<Response>): Promise<JsonRpcMessage[]> {
  const text = await (await response).text();
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, json]) => JSON.parse(json ?? ""));
}

const CHANGED = { jsonrpc: "2.0", method: "notifications/tools/list_changed" } as const;

describe("a question of the server", () => {
  it("goes onto the response of the only call under way, under an id of the session", async () => {
    const { session: target } = session();
    const call = callIn(target, 1);
    const request = question({ message: "?", _meta: { progressToken: "p", "x-kept": 1 } });
    target.ask(request);
    call.response.end();
    expect(await sentOn(call.response.response)).toEqual([
      { ...request.message, id: 1, params: { message: "?", _meta: { progressToken: 1, "x-kept": 1 } } },
    ]);
    const reply = { jsonrpc: "2.0", id: 1, result: { action: "accept" } } as const;
    expect(target.answer(reply)).toBe(true);
    expect(request.answer).toHaveBeenCalledWith(reply);
    expect(target.answer(reply)).toBe(false);
  });

  it("goes onto the open stream when several calls are under way", async () => {
    const { session: target } = session();
    callIn(target, 1);
    callIn(target, 2);
    const stream = new SseWriter();
    target.openStream(stream);
    target.ask(question());
    stream.end();
    expect(await sentOn(stream.response)).toMatchObject([{ id: 1, method: "elicitation/create" }]);
  });

  it("waits for the stream that the client is about to open", async () => {
    const { session: target } = session();
    const request = question();
    target.ask(request);
    const stream = new SseWriter();
    target.openStream(stream);
    stream.end();
    expect(await sentOn(stream.response)).toMatchObject([{ id: 1, method: "elicitation/create" }]);
    expect(request.refuse).not.toHaveBeenCalled();
  });

  it("is refused when its client does not listen", () => {
    const { session: target } = session();
    const request = question();
    target.ask(request);
    for (let count = 0; count < 32; count += 1) target.push(CHANGED);
    expect(request.refuse).toHaveBeenCalledTimes(1);
    expect(target.answer({ jsonrpc: "2.0", id: 1, result: {} })).toBe(false);
  });

  it("is withdrawn where it went", async () => {
    const { session: target } = session();
    const call = callIn(target, 1);
    const request = question();
    target.ask(request);
    target.withdraw(request, { requestId: "server's", reason: "late" });
    call.response.end();
    expect((await sentOn(call.response.response)).at(-1)).toEqual({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: 1, reason: "late" },
    });
    expect(target.answer({ jsonrpc: "2.0", id: 1, result: {} })).toBe(false);
  });

  it("hears of the client's progress, and of nobody else's", () => {
    const { session: target } = session();
    const request = question();
    target.ask(request);
    const progress = (token: number) =>
      ({ jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: token } }) as const;
    expect(target.progress(progress(1))).toBe(true);
    expect(target.progress(progress(2))).toBe(false);
    expect(request.progress).toHaveBeenCalledTimes(1);
  });
});

describe("messages that belong to no call", () => {
  it("wait for the stream, the newest 32 of them, and then go there", async () => {
    const { session: target } = session();
    for (let count = 0; count < 40; count += 1) target.push({ ...CHANGED, params: { count } });
    const stream = new SseWriter();
    target.openStream(stream);
    target.push({ ...CHANGED, params: { count: 40 } });
    stream.end();
    const counts = (await sentOn(stream.response)).map(({ params }) => params?.count);
    expect(counts).toEqual(Array.from({ length: 33 }, (_, index) => index + 8));
  });

  it("are not kept for the stream when they are large", async () => {
    const { session: target } = session();
    const request = question({ text: "x".repeat(20_000) });
    target.ask(request);
    expect(request.refuse).toHaveBeenCalledTimes(1);
    expect(target.push({ ...CHANGED, params: { text: "x".repeat(20_000) } })).toBe(false);
    const stream = new SseWriter();
    target.openStream(stream);
    stream.end();
    expect(await sentOn(stream.response)).toEqual([]);
  });

  it("end a stream whose client does not read", () => {
    const { session: target } = session();
    const stream: SseWriter = new SseWriter({ onClose: () => target.streamClosed(stream) });
    target.openStream(stream);
    const large = { ...CHANGED, params: { text: "x".repeat(300_000) } };
    expect([target.push(large), target.push(large)]).toEqual([true, false]);
    expect(stream.isOpen).toBe(false);
    expect(target.isIdle).toBe(true);
  });

  it("go onto the response of a single call when they may be about it", async () => {
    const { session: target } = session();
    const call = callIn(target, 1);
    target.tell(CHANGED);
    call.response.end();
    expect(await sentOn(call.response.response)).toEqual([CHANGED]);
  });
});

describe("calls", () => {
  it("must have ids of their own while they are under way", () => {
    const { session: target } = session();
    const call = callIn(target, 1);
    expect(target.begin(1, call)).toBe(false);
    expect(target.begin("1", call)).toBe(true);
    target.finish(1);
    expect(target.begin(1, call)).toBe(true);
  });

  it("are withdrawn with the client's own words, and unknown ones ignored", () => {
    const { session: target } = session();
    const call = callIn(target, 7);
    target.cancel({ requestId: 8 });
    target.cancel({ requestId: { toString: () => "7" } });
    expect(call.cancel).not.toHaveBeenCalled();
    target.cancel({ requestId: 7, reason: "enough" });
    expect(call.cancel).toHaveBeenCalledWith({ reason: "enough" });
  });
});

describe("the end of a session", () => {
  it("withdraws calls, refuses questions and closes stream and connection, once", async () => {
    const { session: target, onEnd } = session();
    const close = vi.fn(async () => {});
    target.attach({ close } as never);
    const call = callIn(target, 1);
    const request = question();
    target.ask(request);
    const stream = new SseWriter();
    target.openStream(stream);
    target.end();
    target.end();
    await settled();
    expect(call.cancel).toHaveBeenCalledTimes(1);
    expect(request.refuse).toHaveBeenCalledTimes(1);
    expect(stream.isOpen).toBe(false);
    expect(close).toHaveBeenCalledTimes(1);
    expect(onEnd).toHaveBeenCalledTimes(1);
  });

  it("closes a connection that comes too late", () => {
    const { session: target } = session();
    const close = vi.fn(async () => {});
    target.end();
    target.attach({ close } as never);
    expect(close).toHaveBeenCalledTimes(1);
  });
});

it("has one stream at a time", () => {
  const { session: target } = session();
  const stream = new SseWriter();
  expect([target.openStream(stream), target.openStream(new SseWriter())]).toEqual([true, false]);
  target.streamClosed(stream);
  expect(target.openStream(new SseWriter())).toBe(true);
});
