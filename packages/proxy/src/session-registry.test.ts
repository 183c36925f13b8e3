import { describe, expect, it } from "vitest";
import { CallResponse } from "./call-response.ts";
import { instanceOf, manualClock } from "./scripted-server.test.ts";
import { SessionRegistry } from "./session-registry.ts";
import { SseWriter } from "./sse-writer.ts";

function registry(limits: { readonly maximum?: number; readonly maximumPerActor?: number } = {}) {
  const clock = manualClock();
  let ids = 0;
  const sessions = new SessionRegistry({
    clock,
    newId: () => `s${++ids}`,
    ...{ idleMs: 60_000, keepAliveMs: 15_000, maximum: 100, maximumPerActor: 3, ...limits },
  });
  return { clock, sessions };
}

const alices = { instance: instanceOf("one"), actorId: "alice" };
const bobs = { instance: instanceOf("one"), actorId: "bob" };

describe("a session", () => {
  it("is found by its actor for its instance, and is unknown to everybody else", () => {
    const { sessions } = registry();
    const { id } = sessions.create(alices);
    expect(sessions.find(id, { instanceId: "one", actorId: "alice" })?.id).toBe(id);
    expect(sessions.find(id, { instanceId: "one", actorId: "bob" })).toBeUndefined();
    expect(sessions.find(id, { instanceId: "two", actorId: "alice" })).toBeUndefined();
    expect(sessions.find("s99", { instanceId: "one", actorId: "alice" })).toBeUndefined();
  });

  it("ends when it is unused, and not while it is used", async () => {
    const { clock, sessions } = registry();
    const unused = sessions.create(alices);
    const used = sessions.create(alices);
    for (let minute = 0; minute < 3; minute += 1) {
      await clock.advance(30_000);
      sessions.find(used.id, { instanceId: "one", actorId: "alice" });
    }
    expect([...sessions.of("one")]).toEqual([used]);
    expect(sessions.find(unused.id, { instanceId: "one", actorId: "alice" })).toBeUndefined();
  });

  it("is not unused while a stream is open or a call under way", async () => {
    const { clock, sessions } = registry();
    sessions.create(alices).openStream(new SseWriter());
    sessions.create(alices).begin(1, { response: new CallResponse(), cancel() {} });
    await clock.advance(600_000);
    expect(sessions.size).toBe(2);
  });

  it("gets signs of life on its stream", async () => {
    const { clock, sessions } = registry();
    const stream = new SseWriter();
    sessions.create(alices).openStream(stream);
    await clock.advance(30_000);
    stream.end();
    expect(await stream.response.text()).toBe(": \n\n: \n\n");
  });
});

describe("too many sessions", () => {
  it("of one actor: the one unused longest ends, and nobody else's", async () => {
    const { clock, sessions } = registry();
    const other = sessions.create(bobs);
    const own = [];
    for (let count = 0; count < 3; count += 1) {
      own.push(sessions.create(alices));
      await clock.advance(1);
    }
    sessions.find("s2", { instanceId: "one", actorId: "alice" });
    const fourth = sessions.create(alices);
    expect([...sessions.of("one")]).toEqual([other, own[0], own[2], fourth]);
  });

  it("of one actor that are all in use: no more", () => {
    const { sessions } = registry();
    for (let count = 0; count < 3; count += 1) sessions.create(alices).openStream(new SseWriter());
    expect(() => sessions.create(alices)).toThrowError(
      expect.objectContaining({ code: "LIMIT_EXCEEDED", details: { limit: "mcpSessions", maximum: 3 } }),
    );
    expect(sessions.size).toBe(3);
  });

  it("of everybody: an actor makes room among its own only", () => {
    const { sessions } = registry({ maximum: 2 });
    const own = sessions.create(alices);
    sessions.create(bobs);
    sessions.create(alices);
    expect(sessions.find(own.id, { instanceId: "one", actorId: "alice" })).toBeUndefined();
    expect(() => sessions.create({ ...alices, actorId: "carol" })).toThrowError(
      expect.objectContaining({ code: "LIMIT_EXCEEDED" }),
    );
  });

  it("of one instance, where that is limited: the actor's own there ends", () => {
    const { sessions } = registry();
    const elsewhere = sessions.create({ ...alices, instance: instanceOf("two") });
    const own = sessions.create(alices);
    const next = sessions.create({ ...alices, maximumOfInstance: 1 });
    expect([...sessions.of("one"), ...sessions.of("two")]).toEqual([next, elsewhere]);
    expect(own.id).not.toBe(next.id);
    expect(() => sessions.create({ ...bobs, maximumOfInstance: 1 })).toThrowError(
      expect.objectContaining({ details: { limit: "mcpSessions", maximum: 1 } }),
    );
  });
});

it("keeps no timer when there are no sessions", () => {
  const { clock, sessions } = registry();
  sessions.create(alices);
  sessions.create(bobs);
  expect(clock.timers).toBe(1);
  sessions.close();
  expect({ timers: clock.timers, size: sessions.size }).toEqual({ timers: 0, size: 0 });
});
