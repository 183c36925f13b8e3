import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createTurns, withSignal } from "./turns.ts";

describe("turns", () => {
  it("are taken one after the other for one key, failures included", async () => {
    const turns = createTurns();
    const order: string[] = [];
    const work = (name: string, milliseconds: number) => async () => {
      order.push(`${name} begins`);
      await wait(milliseconds);
      order.push(`${name} ends`);
      if (name === "first") throw new Error("no");
    };
    const first = turns.take("key", work("first", 20));
    const second = turns.take("key", work("second", 0));
    await expect(first).rejects.toThrow("no");
    await second;
    expect(order).toEqual(["first begins", "first ends", "second begins", "second ends"]);
  });

  it("do not wait for those of another key", async () => {
    const turns = createTurns();
    let release = () => {};
    const held = turns.take("one", () => new Promise<void>((resolve) => (release = resolve)));
    expect(await turns.take("other", async () => "done")).toBe("done");
    release();
    await held;
    await turns.idle();
  });
});

describe("a caller's signal", () => {
  it("ends the waiting with its reason, whether it comes before or after the call", async () => {
    const never = new Promise<void>(() => {});
    await expect(withSignal(never, AbortSignal.abort("early"))).rejects.toBe("early");
    const controller = new AbortController();
    const waiting = withSignal(never, controller.signal);
    controller.abort("late");
    await expect(waiting).rejects.toBe("late");
  });

  it("changes nothing for work that is done in time", async () => {
    expect(await withSignal(Promise.resolve(5), new AbortController().signal)).toBe(5);
    expect(await withSignal(Promise.resolve(6), undefined)).toBe(6);
  });
});
