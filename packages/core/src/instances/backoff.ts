/** How crashes are answered: a pause that doubles, drawn at random below its ceiling, and an end to it. */
export interface RestartPolicy {
  readonly baseMs: number;
  readonly ceilingMs: number;
  /** Crashes in a row after which the instance is given up as `crash_loop`. */
  readonly limit: number;
  /** Running this long makes the next crash the first one again. */
  readonly steadyMs: number;
}

export const DEFAULT_RESTART_POLICY: RestartPolicy = {
  baseMs: 1_000,
  ceilingMs: 60_000,
  limit: 5,
  steadyMs: 60_000,
};

/** Full jitter: anything from 0 to the doubled base, so that many instances do not come back at once. */
export function restartDelayMs(crashes: number, policy: RestartPolicy, random: () => number): number {
  const ceiling = Math.min(policy.ceilingMs, policy.baseMs * 2 ** Math.max(0, crashes - 1));
  return Math.floor(random() * ceiling);
}
