import { PlatformError } from "@moorage/core";
import { expect, it, vi } from "vitest";
import { connectionLost, neverSent } from "./call-errors.ts";
import { retryNeverSent } from "./retry.ts";
import { manualClock } from "./scripted-server.test.ts";

function failing(times: number, error: unknown) {
  let left = times;
  return vi.fn(async () => {
    if (left-- > 0) throw error;
    return "done";
  });
}

it("repeats what was never sent, and counts", async () => {
  const clock = manualClock();
  const attempt = failing(2, neverSent("refused"));
  const onRetry = vi.fn();
  const result = retryNeverSent({ clock, random: () => 0.5, retries: 3, signals: [], onRetry }, attempt);
  await clock.advance(1_000);
  expect(await result).toBe("done");
  expect(attempt).toHaveBeenCalledTimes(3);
  expect(onRetry).toHaveBeenCalledTimes(2);
});

it("waits anything up to a ceiling that doubles", async () => {
  const clock = manualClock();
  const starts: number[] = [];
  const begin = clock.now();
  const attempt = async () => {
    starts.push(clock.now() - begin);
    throw neverSent("refused");
  };
  const result = retryNeverSent({ clock, random: () => 0.5, retries: 3, signals: [] }, attempt);
  const refused = expect(result).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
  await clock.advance(10_000);
  await refused;
  expect(starts).toEqual([0, 25, 75, 175]);
});

it.each([
  ["a lost connection", connectionLost()],
  ["a failure to start", new PlatformError("LAUNCH_FAILED", "no")],
  ["something unexpected", new Error("bug")],
])("never repeats after %s", async (_, error) => {
  const attempt = failing(1, error);
  await expect(
    retryNeverSent({ clock: manualClock(), random: () => 0, retries: 3, signals: [] }, attempt),
  ).rejects.toBe(error);
  expect(attempt).toHaveBeenCalledTimes(1);
});

it("stops waiting when the caller withdraws", async () => {
  const controller = new AbortController();
  const result = retryNeverSent(
    { clock: manualClock(), random: () => 0.5, retries: 3, signals: [controller.signal] },
    failing(9, neverSent("refused")),
  );
  const ended = expect(result).rejects.toBe("enough");
  await Promise.resolve();
  controller.abort("enough");
  await ended;
});
