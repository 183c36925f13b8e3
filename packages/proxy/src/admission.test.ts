import { expect, it } from "vitest";
import { Admission } from "./admission.ts";
import { settled } from "./scripted-server.test.ts";

function admission() {
  return new Admission({ concurrency: 2, queue: 2 });
}

it("lets the next in line in when one leaves, in order", async () => {
  const gate = admission();
  const entered: number[] = [];
  for (const name of [1, 2, 3, 4]) void gate.enter("one").then(() => entered.push(name));
  await settled();
  expect(entered).toEqual([1, 2]);
  gate.leave("one");
  await settled();
  expect(entered).toEqual([1, 2, 3]);
  gate.leave("one");
  await settled();
  expect(entered).toEqual([1, 2, 3, 4]);
});

it("refuses at once what finds the queue full, and says when to come again", async () => {
  const gate = admission();
  for (let count = 0; count < 4; count += 1) void gate.enter("one");
  await expect(gate.enter("one")).rejects.toMatchObject({
    code: "UPSTREAM_UNAVAILABLE",
    details: { instanceId: "one", retryAfterMs: 1_000 },
  });
});

it("counts each instance by itself", async () => {
  const gate = admission();
  for (let count = 0; count < 4; count += 1) void gate.enter("one");
  await expect(gate.enter("two")).resolves.toBeUndefined();
});

it("frees the place in the queue of a caller who withdraws", async () => {
  const gate = admission();
  await gate.enter("one");
  await gate.enter("one");
  const controller = new AbortController();
  const impatient = gate.enter("one", controller.signal);
  const patient = gate.enter("one");
  controller.abort("enough");
  await expect(impatient).rejects.toBe("enough");
  gate.leave("one");
  await expect(patient).resolves.toBeUndefined();
});

it("has all its places again when everybody has left", async () => {
  const gate = admission();
  for (let round = 0; round < 3; round += 1) {
    await gate.enter("one");
    await gate.enter("one");
    gate.leave("one");
    gate.leave("one");
  }
  await gate.enter("one");
  await expect(gate.enter("one")).resolves.toBeUndefined();
});
