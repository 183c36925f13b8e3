import { describe, expect, it } from "vitest";
import { PlatformError } from "../errors.ts";
import { HEARTBEAT_MS, STREAM_LIFETIME_MS } from "./event-reader.ts";
import { problemOf, testHandler } from "./test-handler.ts";

/** Opens the stream and reads it piece by piece. */
async function open(path = "/events/stream", init: RequestInit = {}, harness = testHandler()) {
  const response = await harness.send(path, init);
  if (!response.body) throw new Error("no body");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const next = async () => (await reader.read()).value ?? null;
  expect(await next()).toBe(": connected\n\n");
  return { ...harness, events: harness.services.events, response, reader, next };
}

/** Lets everything happen that needs no timer. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

const idsOf = (text: string | null) =>
  [...(text ?? "").matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));

describe("the event stream", () => {
  it("sends what happens from now on, each with its sequence as id", async () => {
    const harness = testHandler();
    harness.services.events.emit();
    const { events, next, response } = await open("/events/stream", {}, harness);
    const event = events.emit();
    expect(await next()).toBe(`id: 2\ndata: ${JSON.stringify(event)}\n\n`);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("cache-control")).toBe("no-store, no-transform");
  });

  it("sends what came after a sequence, in order and without an end to its pages", async () => {
    const harness = testHandler();
    for (let count = 0; count < 250; count += 1) harness.services.events.emit();
    const { next } = await open("/events/stream?after=10", {}, harness);
    const ids = [...idsOf(await next()), ...idsOf(await next()), ...idsOf(await next())];
    expect(ids).toEqual(Array.from({ length: 240 }, (_, index) => index + 11));
  });

  it("goes on after Last-Event-ID, which wins over the address", async () => {
    const harness = testHandler();
    for (let count = 0; count < 5; count += 1) harness.services.events.emit();
    const headers = { "last-event-id": "3" };
    const { next } = await open("/events/stream?after=1", { headers }, harness);
    expect(idsOf(await next())).toEqual([4, 5]);
  });

  it("never sends another owner's events", async () => {
    const { events, next } = await open();
    events.emit("bob");
    events.emit("alice");
    events.emit("bob");
    expect(idsOf(await next())).toEqual([2]);
  });

  it("says that it lives every 15 seconds, also while others are busy", async () => {
    const { events, next, clock } = await open();
    for (const _ of [1, 2]) {
      let piece: string | null = "none yet";
      void next().then((text) => {
        piece = text;
      });
      await settle();
      clock.advance(HEARTBEAT_MS - 1_000);
      events.emit("bob");
      await settle();
      expect(piece).toBe("none yet");
      clock.advance(1_000);
      await settle();
      expect(piece).toBe(": heartbeat\n\n");
    }
  });

  it("finds what another replica wrote with the next heartbeat", async () => {
    const { events, next, clock, services } = await open();
    const piece = next();
    await settle();
    const written = { ...events.emit("bob"), ownerId: "alice" };
    events.list = async () => ({ items: [written], nextCursor: null });
    clock.advance(HEARTBEAT_MS);
    expect(idsOf(await piece)).toEqual([1]);
    expect(services.calls.length).toBeGreaterThan(0);
  });

  it("leaves nothing behind when the client goes away", async () => {
    const controller = new AbortController();
    const { events, next, clock } = await open("/events/stream", { signal: controller.signal });
    const piece = next();
    await settle();
    expect(events.listenerCount).toBe(1);
    controller.abort();
    expect(await piece).toBeNull();
    expect(events.listenerCount).toBe(0);
    expect(clock.timerCount).toBe(0);
  });

  it("leaves nothing behind when its reader stops", async () => {
    const { events, reader, clock } = await open();
    await settle();
    await reader.cancel();
    await settle();
    expect(events.listenerCount).toBe(0);
    expect(clock.timerCount).toBe(0);
  });

  it("ends with the platform", async () => {
    const closing = new AbortController();
    const { next, events } = await open("/events/stream", {}, testHandler({ closing: closing.signal }));
    closing.abort();
    expect(await next()).toBeNull();
    expect(events.listenerCount).toBe(0);
  });

  it("ends after half an hour, so that the client is authenticated again", async () => {
    const { next, clock } = await open();
    const piece = next();
    await settle();
    clock.advance(STREAM_LIFETIME_MS);
    const last = await piece;
    expect(last === null || last.startsWith(":")).toBe(true);
    if (last !== null) expect(await next()).toBeNull();
  });

  it("refuses, instead of streaming, whoever may not read events", async () => {
    const harness = testHandler();
    harness.services.events.failure = new PlatformError("FORBIDDEN", "No.");
    const response = await harness.send("/events/stream");
    expect(await problemOf(response)).toMatchObject({ status: 403, code: "FORBIDDEN" });
    expect(harness.services.events.listenerCount).toBe(0);
    expect(harness.clock.timerCount).toBe(0);
  });

  it("ends, and logs why, when its events cannot be read any more", async () => {
    const { events, next, logs } = await open();
    events.failure = new Error("database gone");
    events.emit();
    expect(await next()).toBeNull();
    expect(logs).toMatchObject([{ level: "warn" }]);
    expect(events.listenerCount).toBe(0);
  });

  it("reads no further than a slow client does", async () => {
    const harness = testHandler();
    for (let count = 0; count < 1_000; count += 1) harness.services.events.emit();
    await open("/events/stream?after=0", {}, harness);
    await settle();
    const reads = harness.services.calls.filter(({ operation }) => operation === "events.list");
    expect(reads.length).toBeLessThan(5);
  });
});
