import { describe, expect, it, vi } from "vitest";
import { CallResponse } from "./call-response.ts";
import { settled } from "./scripted-server.test.ts";
import { SseWriter } from "./sse-writer.ts";

const REPLY = { jsonrpc: "2.0", id: 1, result: { text: "line\nline" } } as const;
const NOTE = { jsonrpc: "2.0", method: "notifications/progress", params: { progress: 1 } } as const;

function eventOf(message: object): string {
  return `event: message\ndata: ${JSON.stringify(message)}\n\n`;
}

describe("the response to a call", () => {
  it("is JSON when nothing but the reply is sent", async () => {
    const call = new CallResponse();
    call.finish(REPLY);
    const response = await call.response;
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual(REPLY);
  });

  it("is a stream from the first other message on, and ends with the reply", async () => {
    const call = new CallResponse();
    expect(call.send(NOTE)).toBe(true);
    const response = await call.response;
    call.finish(REPLY);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    expect(await response.text()).toBe(eventOf(NOTE) + eventOf(REPLY));
  });

  it("is an empty stream when there is no reply to come", async () => {
    const call = new CallResponse();
    call.end();
    expect(await (await call.response).text()).toBe("");
    call.finish(REPLY);
    expect(call.send(NOTE)).toBe(false);
  });

  it("becomes a stream to show that the call is under way", async () => {
    const call = new CallResponse();
    call.keepAlive();
    const response = await call.response;
    call.finish(REPLY);
    expect(await response.text()).toBe(`: \n\n${eventOf(REPLY)}`);
  });

  it("takes only one reply", async () => {
    const call = new CallResponse();
    call.finish(REPLY);
    call.finish({ jsonrpc: "2.0", id: 1, result: "second" });
    expect(await (await call.response).json()).toEqual(REPLY);
  });

  it("stays open for an error when the reply cannot be written", async () => {
    const call = new CallResponse();
    const ring: Record<string, unknown> = {};
    ring.self = ring;
    expect(() => call.finish({ jsonrpc: "2.0", id: 1, result: ring })).toThrow();
    call.finish(REPLY);
    expect(await (await call.response).json()).toEqual(REPLY);
  });
});

describe("a stream of events", () => {
  it("tells once that its client went away, and takes nothing more", async () => {
    const onClose = vi.fn();
    const stream = new SseWriter({ onClose });
    await stream.response.body?.cancel();
    stream.end();
    expect(onClose).toHaveBeenCalledTimes(1);
    expect({ isOpen: stream.isOpen, sent: stream.send("{}") }).toEqual({ isOpen: false, sent: false });
  });

  it("stops taking messages when its client does not read, but still takes the reply", async () => {
    const stream = new SseWriter();
    const large = JSON.stringify("x".repeat(100_000));
    let taken = 0;
    while (taken < 100 && stream.send(large)) taken += 1;
    expect(taken).toBe(3);
    stream.finish(JSON.stringify(REPLY));
    const text = await stream.response.text();
    expect(text.endsWith(eventOf(REPLY))).toBe(true);
  });

  it("takes messages again once its client has read", async () => {
    const stream = new SseWriter();
    const large = JSON.stringify("x".repeat(300_000));
    stream.send(large);
    expect(stream.send("{}")).toBe(false);
    const reader = stream.response.body?.getReader();
    await reader?.read();
    await settled();
    expect(stream.send("{}")).toBe(true);
  });
});
