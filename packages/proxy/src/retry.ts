import { type Clock, sleep } from "@moorage/core";
import { wasNeverSent } from "./call-errors.ts";

const BASE_DELAY_MS = 50;
const MAX_DELAY_MS = 1_000;

/** How often and how patiently a call is repeated. */
export interface RetryOptions {
  readonly clock: Clock;
  /** 0 inclusive to 1 exclusive. */
  readonly random: () => number;
  readonly retries: number;
  /** Any of them ends the waiting between two attempts. */
  readonly signals: readonly AbortSignal[];
  /** Called before each further attempt. */
  readonly onRetry?: (() => void) | undefined;
}

/** Repeats `attempt` while it fails without having reached the server; backs off with full jitter in between. */
export async function retryNeverSent<Result>(
  options: RetryOptions,
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (failures >= options.retries || !wasNeverSent(error)) throw error;
    }
    const ceiling = Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** failures);
    await sleep(options.clock, options.random() * ceiling, AbortSignal.any([...options.signals]));
    options.onRetry?.();
  }
}
