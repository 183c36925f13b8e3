import type { Part } from "./part.ts";

/** Work that is due again and again. `run` must bear being repeated. */
export interface ScheduledTask {
  readonly name: string;
  /** Milliseconds between two runs, or a cron line (UTC). */
  readonly every: number | string;
  /** `true`: every replica runs it for itself. Otherwise one replica at a time does, for all of them. */
  readonly everywhere?: boolean;
  run(context: { readonly signal: AbortSignal }): Promise<void>;
}

export interface Scheduler {
  /** Registers a task; a second one of the same name is refused with `CONFLICT`. */
  add(task: ScheduledTask): void;
  start(): Promise<void>;
  /** Runs one task, or all, now, and waits for it. Throws `NOT_FOUND` for a name it does not know. */
  tick(name?: string): Promise<void>;
  /** Stops the timers, aborts what runs, waits for it, and gives its leases back. */
  close(): Promise<void>;
}

export type SchedulerPart = Part<Scheduler>;
