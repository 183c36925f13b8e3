import { type InputIssue, invalidInput } from "@moorage/core";

export interface SchedulerOptions {
  /** Part of an interval by which a run may be early or late, 0 to 0.5; 0.1 if left out. Cron lines are kept to. */
  readonly jitter?: number;
  /** Milliseconds after which a run of a replica that died may be repeated by another; 15,000 if left out. */
  readonly leaseMs?: number;
  /** `false`: tasks run when `tick()` is called and at no other time, for hosts that have a cron of their own. */
  readonly timers?: boolean;
  /** From 0 up to 1, for the jitter; `Math.random` if left out. */
  readonly random?: () => number;
}

export type SchedulerSettings = Required<SchedulerOptions>;

const SHORTEST_LEASE_MS = 300;

/** The options with their defaults. Throws `INVALID_INPUT` for numbers out of range. */
export function parseOptions(options: SchedulerOptions): SchedulerSettings {
  const settings = { jitter: 0.1, leaseMs: 15_000, timers: true, random: Math.random, ...options };
  const { jitter, leaseMs } = settings;
  const issues: InputIssue[] = [];
  if (!(jitter >= 0 && jitter <= 0.5)) issues.push({ path: "jitter", message: "must be from 0 to 0.5" });
  if (!(Number.isFinite(leaseMs) && leaseMs >= SHORTEST_LEASE_MS)) {
    issues.push({ path: "leaseMs", message: `must be at least ${SHORTEST_LEASE_MS} ms` });
  }
  if (issues.length > 0) throw invalidInput("scheduler", issues);
  return settings;
}
