import type { Clock } from "@moorage/core";

/** Waits for `work`, or rejects with the signal's reason when it is aborted first; the work itself goes on. */
export function unlessAborted<Result>(work: Promise<Result>, signal?: AbortSignal): Promise<Result> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) {
      work.catch(() => {});
      return abort();
    }
    signal.addEventListener("abort", abort, { once: true });
    const settled = () => signal.removeEventListener("abort", abort);
    work.then(resolve, reject).finally(settled);
  });
}

/** A signal that is aborted by any of the callers' signals, by the deadline, or by hand. */
export interface Deadline {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  /** Lets go of timer and listeners; to be called when the work is over. */
  dispose(): void;
}

/** Starts a deadline of `timeoutMs`; when it passes, the signal's reason is what `late` makes. */
export function startDeadline(options: {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly late: () => unknown;
  readonly signal?: AbortSignal | undefined;
}): Deadline {
  const { clock, timeoutMs, late, signal } = options;
  const controller = new AbortController();
  const cancelTimer = clock.setTimer(() => controller.abort(late()), timeoutMs);
  const withdrawn = () => controller.abort(signal?.reason);
  if (signal?.aborted) withdrawn();
  signal?.addEventListener("abort", withdrawn, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    dispose() {
      cancelTimer();
      signal?.removeEventListener("abort", withdrawn);
    },
  };
}
