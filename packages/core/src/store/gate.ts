import { databaseBusy } from "./retry.ts";

/** Lets one user at a time to a SQLite connection, in the order they came, and none of them waits for ever. */
export class Gate {
  readonly #waitMs: number;
  readonly #queue = new Set<() => void>();
  #isTaken = false;

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  /** Resolves when the connection is free; it is then taken until `leave`. Rejects with `DATABASE_BUSY`. */
  async enter(): Promise<void> {
    if (!this.#isTaken) {
      this.#isTaken = true;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const proceed = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#queue.delete(proceed);
        reject(databaseBusy());
      }, this.#waitMs);
      this.#queue.add(proceed);
    });
  }

  /** Hands the connection to the next in the queue. */
  leave(): void {
    const [next] = this.#queue;
    if (next === undefined) {
      this.#isTaken = false;
      return;
    }
    this.#queue.delete(next);
    next();
  }
}
