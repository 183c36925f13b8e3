import { describe, expect, it } from "vitest";
import { Gate } from "./gate.ts";

describe("Gate", () => {
  it("lets one in at a time, in the order they came", async () => {
    const gate = new Gate(5_000);
    const order: string[] = [];
    const visit = async (name: string) => {
      await gate.enter();
      order.push(`${name} in`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`${name} out`);
      gate.leave();
    };
    await Promise.all([visit("a"), visit("b"), visit("c")]);
    expect(order).toEqual(["a in", "a out", "b in", "b out", "c in", "c out"]);
  });

  it("turns away with DATABASE_BUSY who waits too long, and goes on with the next", async () => {
    const gate = new Gate(20);
    await gate.enter();
    await expect(gate.enter()).rejects.toMatchObject({ code: "DATABASE_BUSY" });
    const patient = gate.enter();
    gate.leave();
    await expect(patient).resolves.toBeUndefined();
  });

  it("is free again when the last one has left", async () => {
    const gate = new Gate(20);
    await gate.enter();
    gate.leave();
    await expect(gate.enter()).resolves.toBeUndefined();
  });
});
