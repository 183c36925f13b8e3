/** Runs work one at a time per key, in the order it came. */
export class Lanes<Result> {
  readonly #tails = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, Promise<Result>>();

  /** Runs `work` when everything that came before it under this key is over. */
  run(key: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const result = before.then(work);
    const tail = result.then(
      () => {},
      () => {},
    );
    this.#tails.set(key, tail);
    tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    return result;
  }

  /** Shares a run that waits under this key and has not begun; otherwise the same as `run`. */
  join(key: string, work: () => Promise<Result>): Promise<Result> {
    const waiting = this.#waiting.get(key);
    if (waiting) return waiting;
    const result = this.run(key, () => {
      this.#waiting.delete(key);
      return work();
    });
    this.#waiting.set(key, result);
    return result;
  }

  /** Resolves when nothing is under way any more; failures are their callers' business. */
  async drain(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }
}
