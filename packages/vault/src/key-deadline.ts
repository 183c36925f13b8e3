import { type Clock, PlatformError, systemClock } from "@moorage/core";
import type { KeyProvider } from "./key-provider.ts";

export interface KeyDeadlineOptions {
  /** How long one call may take; 5,000 if left out. */
  readonly deadlineMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

const DEFAULT_DEADLINE_MS = 5_000;

/**
 * The same key provider, none of whose calls takes longer than the deadline: after it, the call fails with the
 * retryable `UPSTREAM_UNAVAILABLE`. A data key that comes later is wiped.
 */
export function withKeyDeadline(keys: KeyProvider, options: KeyDeadlineOptions = {}): KeyProvider {
  const within = <Result>(work: () => Promise<Result>) => withinDeadline(work, options);
  const { keyIds } = keys;
  return {
    currentKeyId: () => within(() => keys.currentKeyId()),
    wrap: (dataKey, context) => within(() => keys.wrap(dataKey, context)),
    unwrap: (keyId, wrapped, context) =>
      unwrapWithinDeadline(() => keys.unwrap(keyId, wrapped, context), options),
    keyState: (keyId) => within(() => keys.keyState(keyId)),
    ...(keyIds && { keyIds: () => within(() => keyIds.call(keys)) }),
  };
}

/** {@link withinDeadline} for work that gives a data key: one that nobody waits for any more is wiped. */
export function unwrapWithinDeadline(
  work: (signal: AbortSignal) => Promise<Uint8Array>,
  options: KeyDeadlineOptions,
): Promise<Uint8Array> {
  return withinDeadline(async (signal) => {
    const dataKey = await work(signal);
    if (signal.aborted) dataKey.fill(0);
    return dataKey;
  }, options);
}

/** The result of `work`, or `UPSTREAM_UNAVAILABLE` after the deadline, when its signal is aborted, too. */
export async function withinDeadline<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
  { deadlineMs = DEFAULT_DEADLINE_MS, clock = systemClock }: KeyDeadlineOptions,
): Promise<Result> {
  const late = new AbortController();
  let cancel = () => {};
  const deadline = new Promise<never>((_, reject) => {
    cancel = clock.setTimer(() => {
      const error = new PlatformError(
        "UPSTREAM_UNAVAILABLE",
        `The key service did not answer within ${deadlineMs} ms. Try again once it does.`,
      );
      late.abort(error);
      reject(error);
    }, deadlineMs);
  });
  try {
    return await Promise.race([work(late.signal), deadline]);
  } finally {
    cancel();
  }
}
