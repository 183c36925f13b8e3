/** What one target did in one round. */
export interface Sample {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** One thing to measure: `call` does it once, and throws when the answer is not the right one. */
export interface Target {
  readonly name: string;
  readonly calls: number;
  readonly concurrency: number;
  call(index: number): Promise<void>;
}

/** Runs `calls` calls, `concurrency` at a time, after a tenth as many that are not counted. */
export async function measure(target: Target): Promise<Sample> {
  await run(target, Math.ceil(target.calls / 10));
  const startedAt = performance.now();
  const durations = await run(target, target.calls);
  const tookMs = performance.now() - startedAt;
  const sorted = durations.sort((one, other) => one - other);
  return {
    perSecond: (target.calls / tookMs) * 1000,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
  };
}

async function run(target: Target, calls: number): Promise<number[]> {
  const durations: number[] = [];
  let next = 0;
  const worker = async () => {
    while (next < calls) {
      const index = next++;
      const startedAt = performance.now();
      await target.call(index);
      durations.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: target.concurrency }, worker));
  return durations;
}

function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

/** The middle one of each figure over the rounds. */
export function median(samples: readonly Sample[]): Sample {
  const middle = (figure: keyof Sample) => {
    const values = samples.map((sample) => sample[figure]).sort((one, other) => one - other);
    return values[Math.floor(values.length / 2)] ?? 0;
  };
  return { perSecond: middle("perSecond"), p50Ms: middle("p50Ms"), p99Ms: middle("p99Ms") };
}
