import { expect, test } from "vitest";
import { systemClock } from "./clock.ts";
import { abandonable, withDeadline } from "./deadline.ts";
import { isPlatformError, PlatformError } from "./errors.ts";

const late = () => new PlatformError("TIMEOUT", "too late");

test("work that is done in time gives its result", async () => {
  expect(await withDeadline({ clock: systemClock, timeoutMs: 1_000, late }, async () => 7)).toBe(7);
});

test("work that is late rejects with the given error, and its signal is aborted", async () => {
  let seen: AbortSignal | undefined;
  const work = withDeadline({ clock: systemClock, timeoutMs: 5, late }, (signal) => {
    seen = signal;
    return new Promise(() => {});
  });
  await expect(work).rejects.toThrow("too late");
  expect(seen?.aborted).toBe(true);
});

test("a caller that withdraws stops waiting, and the work goes on", async () => {
  const controller = new AbortController();
  let finish = (_: string) => {};
  const work = new Promise<string>((resolve) => {
    finish = resolve;
  });
  const waiting = abandonable(work, controller.signal);
  controller.abort();
  await expect(waiting).rejects.toSatisfy((error) => isPlatformError(error, "TIMEOUT"));
  finish("done");
  expect(await work).toBe("done");
});
