import { expect, test } from "vitest";
import { Lanes } from "./lanes.ts";

function gate() {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, passed };
}

test("work of one key runs one at a time, in the order it came", async () => {
  const lanes = new Lanes<number>();
  const order: string[] = [];
  const work = (value: number) => async () => {
    order.push(`begin ${value}`);
    await new Promise((resolve) => setImmediate(resolve));
    order.push(`end ${value}`);
    return value;
  };
  expect(await Promise.all([lanes.run("a", work(1)), lanes.run("a", work(2))])).toEqual([1, 2]);
  expect(order).toEqual(["begin 1", "end 1", "begin 2", "end 2"]);
});

test("work of different keys does not wait for each other", async () => {
  const lanes = new Lanes<string>();
  const { open, passed } = gate();
  const slow = lanes.run("slow", () => passed.then(() => "slow"));
  expect(await lanes.run("quick", async () => "quick")).toBe("quick");
  open();
  expect(await slow).toBe("slow");
});

test("a hundred callers share one run that has not begun", async () => {
  const lanes = new Lanes<number>();
  let runs = 0;
  const results = await Promise.all(Array.from({ length: 100 }, () => lanes.join("a", async () => ++runs)));
  expect(new Set(results)).toEqual(new Set([1]));
});

test("who comes while a run is under way gets a run that began after he came", async () => {
  const lanes = new Lanes<number>();
  const { open, passed } = gate();
  let runs = 0;
  const first = lanes.join("a", async () => {
    runs++;
    await passed;
    return 1;
  });
  await new Promise((resolve) => setImmediate(resolve));
  const late = [lanes.join("a", async () => ++runs), lanes.join("a", async () => ++runs)];
  open();
  expect(await first).toBe(1);
  expect(await Promise.all(late)).toEqual([2, 2]);
});

test("a failed run is its callers' alone, and the next one runs", async () => {
  const lanes = new Lanes<number>();
  const failing = lanes.run("a", async () => {
    throw new Error("no");
  });
  const next = lanes.run("a", async () => 2);
  await expect(failing).rejects.toThrow("no");
  expect(await next).toBe(2);
});

test("drain waits for what is under way and for what that adds", async () => {
  const lanes = new Lanes<void>();
  const done: string[] = [];
  void lanes.run("a", async () => {
    done.push("first");
    void lanes.run("b", async () => {
      done.push("second");
    });
  });
  await lanes.drain();
  expect(done).toEqual(["first", "second"]);
});
