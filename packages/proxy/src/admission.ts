import { PlatformError } from "@moorage/core";

interface Gate {
  running: number;
  readonly waiting: Set<() => void>;
}

/** The bounds of each instance. */
export interface AdmissionOptions {
  /** Requests of one instance that may be under way at a time. */
  readonly concurrency: number;
  /** Requests of one instance that may wait for one of those to end. */
  readonly queue: number;
}

const RETRY_AFTER_MS = 1_000;

/** Bounds how many requests one instance gets at a time, so that a slow one cannot hold the host's memory. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #gates = new Map<string, Gate>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Returns when it is this request's turn; `leave` must be called when it is over. Throws `UPSTREAM_UNAVAILABLE`. */
  async enter(instanceId: string, signal?: AbortSignal): Promise<void> {
    const gate = this.#gate(instanceId);
    if (gate.running < this.#options.concurrency) {
      gate.running += 1;
      return;
    }
    if (gate.waiting.size >= this.#options.queue) throw overloaded(instanceId);
    await new Promise<void>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        gate.waiting.delete(turn);
        reject(signal?.reason);
      };
      const turn = () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      gate.waiting.add(turn);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  leave(instanceId: string): void {
    const gate = this.#gate(instanceId);
    const [next] = gate.waiting;
    if (next) {
      // The place goes to the next in line without becoming free in between.
      gate.waiting.delete(next);
      next();
    } else {
      gate.running -= 1;
      if (gate.running === 0) this.#gates.delete(instanceId);
    }
  }

  #gate(instanceId: string): Gate {
    const known = this.#gates.get(instanceId);
    if (known) return known;
    const gate: Gate = { running: 0, waiting: new Set() };
    this.#gates.set(instanceId, gate);
    return gate;
  }
}

function overloaded(instanceId: string): PlatformError {
  return new PlatformError(
    "UPSTREAM_UNAVAILABLE",
    `Instance "${instanceId}" has too many calls under way and waiting. Try again in ${RETRY_AFTER_MS} ms.`,
    { details: { instanceId, retryAfterMs: RETRY_AFTER_MS } },
  );
}
