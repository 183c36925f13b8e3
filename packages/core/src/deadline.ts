import type { Clock } from "./clock.ts";
import { PlatformError, type PlatformErrorOptions } from "./errors.ts";

/** Runs `work` with a signal that is aborted after `timeoutMs`; then the promise rejects with `late()`. */
export async function withDeadline<Result>(
  limit: { readonly clock: Clock; readonly timeoutMs: number; readonly late: () => PlatformError },
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  let cancel = () => {};
  const expired = new Promise<never>((_, reject) => {
    cancel = limit.clock.setTimer(() => {
      const error = limit.late();
      controller.abort(error);
      reject(error);
    }, limit.timeoutMs);
  });
  try {
    return await Promise.race([work(controller.signal), expired]);
  } finally {
    cancel();
  }
}

/** Stops waiting when `signal` is aborted; the work itself goes on, because others may wait for it, too. */
export async function abandonable<Result>(work: Promise<Result>, signal?: AbortSignal): Promise<Result> {
  if (!signal) return work;
  let stop = () => {};
  const withdrawn = new Promise<never>((_, reject) => {
    const abort = () => reject(withdrawnError({ cause: signal.reason }));
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    stop = () => signal.removeEventListener("abort", abort);
  });
  try {
    return await Promise.race([work, withdrawn]);
  } finally {
    stop();
  }
}

function withdrawnError(options: PlatformErrorOptions<"TIMEOUT">): PlatformError {
  return new PlatformError("TIMEOUT", "The caller withdrew before the operation was over.", options);
}
