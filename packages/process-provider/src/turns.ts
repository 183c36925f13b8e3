/** Runs work of the same key one after the other, in the order of the calls; other keys do not wait. */
export interface Turns {
  take<Result>(key: string, work: () => Promise<Result>): Promise<Result>;
  /** Resolves when all work that was asked for so far is over. */
  idle(): Promise<void>;
}

export function createTurns(): Turns {
  const tails = new Map<string, Promise<unknown>>();
  return {
    take(key, work) {
      const result = (tails.get(key) ?? Promise.resolve()).then(work);
      const tail = result
        .catch(() => {})
        .then(() => {
          if (tails.get(key) === tail) tails.delete(key);
        });
      tails.set(key, tail);
      return result;
    },
    async idle() {
      await Promise.all(tails.values());
    },
  };
}

/** The work's result, or the signal's reason as soon as the caller withdraws. The work itself goes on. */
export async function withSignal<Result>(
  work: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  if (!signal) return work;
  let withdraw = () => {};
  const withdrawn = new Promise<never>((_resolve, reject) => {
    withdraw = () => reject(signal.reason);
    signal.addEventListener("abort", withdraw, { once: true });
    if (signal.aborted) withdraw();
  });
  try {
    return await Promise.race([work, withdrawn]);
  } finally {
    signal.removeEventListener("abort", withdraw);
    // The caller may be gone; the work's failure is then nobody's.
    work.catch(() => {});
  }
}
