import { isPlatformError, sleep } from "@moorage/core";
import { describe, expect, it } from "vitest";
import { fakeClock } from "./fake-clock.ts";

describe("fakeClock", () => {
  it("shows the start until it is moved", async () => {
    const clock = fakeClock("2026-05-01T12:00:00.000Z");
    expect(clock.now()).toBe(Date.parse("2026-05-01T12:00:00.000Z"));
    await clock.advance(1500);
    expect(new Date(clock.now()).toISOString()).toBe("2026-05-01T12:00:01.500Z");
  });

  it("fires due timers in order of their time, each at its own time", async () => {
    const clock = fakeClock();
    const start = clock.now();
    const fired: [string, number][] = [];
    clock.setTimer(() => fired.push(["late", clock.now() - start]), 30);
    clock.setTimer(() => fired.push(["early", clock.now() - start]), 10);
    clock.setTimer(() => fired.push(["never", clock.now() - start]), 31);
    await clock.advance(30);
    expect(fired).toEqual([
      ["early", 10],
      ["late", 30],
    ]);
    expect(clock.timers).toBe(1);
  });

  it("fires timers of the same time in the order they were set", async () => {
    const clock = fakeClock();
    const fired: number[] = [];
    for (const number of [1, 2, 3]) clock.setTimer(() => fired.push(number), 5);
    await clock.advance(5);
    expect(fired).toEqual([1, 2, 3]);
  });

  it("does not fire a timer that was cancelled", async () => {
    const clock = fakeClock();
    let fired = 0;
    const cancel = clock.setTimer(() => fired++, 5);
    cancel();
    cancel();
    await clock.advance(10);
    expect([fired, clock.timers]).toEqual([0, 0]);
  });

  it("lets what a timer sets off run before the next timer", async () => {
    const clock = fakeClock();
    const start = clock.now();
    const wakes: number[] = [];
    const loop = (async () => {
      for (let round = 0; round < 3; round++) {
        await sleep(clock, 100);
        wakes.push(clock.now() - start);
      }
    })();
    await clock.advance(350);
    await loop;
    expect(wakes).toEqual([100, 200, 300]);
  });

  it("adds overlapping advances up", async () => {
    const clock = fakeClock();
    const start = clock.now();
    await Promise.all([clock.advance(10), clock.advance(20)]);
    expect(clock.now() - start).toBe(30);
  });

  it("corrects the time of day without firing or moving timers", async () => {
    const clock = fakeClock("2026-05-01T12:00:00.000Z");
    let fired = 0;
    clock.setTimer(() => fired++, 1000);
    await clock.advance(400);
    clock.set("2026-04-30T00:00:00.000Z");
    expect(new Date(clock.now()).toISOString()).toBe("2026-04-30T00:00:00.000Z");
    await clock.advance(599);
    expect(fired).toBe(0);
    await clock.advance(1);
    expect(fired).toBe(1);
    expect(new Date(clock.now()).toISOString()).toBe("2026-04-30T00:00:00.600Z");
  });

  it("rejects with what a callback throws", async () => {
    const clock = fakeClock();
    clock.setTimer(() => {
      throw new Error("broken callback");
    }, 1);
    await expect(clock.advance(1)).rejects.toThrow("broken callback");
  });

  it("refuses to run backwards and times that are none", async () => {
    const clock = fakeClock();
    const before = clock.now();
    await expect(clock.advance(-1)).rejects.toSatisfy((error) => isPlatformError(error, "INVALID_INPUT"));
    await expect(clock.advance(Number.NaN)).rejects.toSatisfy((error) =>
      isPlatformError(error, "INVALID_INPUT"),
    );
    expect(() => clock.set("yesterday")).toThrow('"yesterday" is not a time');
    expect(() => fakeClock("soon")).toThrow('"soon" is not a time');
    expect(clock.now()).toBe(before);
  });
});
