import {
  invalidInput,
  type PartContext,
  PlatformError,
  type ScheduledTask,
  type Scheduler,
  type SchedulerPart,
  sleep,
} from "@moorage/core";
import { runExclusively } from "./exclusive-run.ts";
import { parseOptions, type SchedulerOptions, type SchedulerSettings } from "./options.ts";
import { parseSchedule, type Schedule } from "./schedule.ts";
import { startTaskTimers } from "./task-timers.ts";

const CLOSE_WAIT_MS = 10_000;
const LONGEST_NAME = 128;

/**
 * The scheduler, as a part for `createPlatform()`: each task has a timer of its own, and of all replicas that
 * share the database one runs it in each interval, unless it is to run everywhere. Throws `INVALID_INPUT` for options out of range.
 */
export function scheduler(options: SchedulerOptions = {}): SchedulerPart {
  const settings = parseOptions(options);
  return { name: "scheduler", create: (context) => new TaskScheduler(context, settings) };
}

interface Entry {
  readonly task: ScheduledTask;
  readonly schedule: Schedule;
  /** The run that goes on in this process; whoever wants another joins it. */
  current: Promise<void> | undefined;
  failures: number;
  stopTimers: () => void;
}

class TaskScheduler implements Scheduler {
  readonly #context: PartContext;
  readonly #settings: SchedulerSettings;
  readonly #entries = new Map<string, Entry>();
  readonly #pending = new Set<Promise<void>>();
  readonly #claims = new Set<string>();
  readonly #closing = new AbortController();
  #isStarted = false;
  #closed: Promise<void> | undefined;

  constructor(context: PartContext, settings: SchedulerSettings) {
    this.#context = context;
    this.#settings = settings;
  }

  add(task: ScheduledTask): void {
    this.#refuseIfClosed();
    if (typeof task.name !== "string" || task.name === "" || task.name.length > LONGEST_NAME) {
      throw invalidInput("task", [{ path: "name", message: `must have 1 to ${LONGEST_NAME} characters` }]);
    }
    const schedule = parseSchedule(task.every);
    if (this.#entries.has(task.name)) {
      throw new PlatformError(
        "CONFLICT",
        `There is a scheduled task "${task.name}" already. Name this one otherwise.`,
      );
    }
    const entry: Entry = { task, schedule, current: undefined, failures: 0, stopTimers: () => {} };
    this.#entries.set(task.name, entry);
    if (this.#isStarted) this.#startTimers(entry);
  }

  async start(): Promise<void> {
    this.#refuseIfClosed();
    if (this.#isStarted) return;
    this.#isStarted = true;
    for (const entry of this.#entries.values()) this.#startTimers(entry);
  }

  /**
   * Runs also where another replica's timer ran the task a moment ago, but not beside a run: one in this process is
   * joined, and while one goes on in another replica it returns without running. A failure is logged, not thrown.
   */
  async tick(name?: string): Promise<void> {
    this.#refuseIfClosed();
    const entries = name === undefined ? [...this.#entries.values()] : [this.#entryOf(name)];
    for (const entry of entries) await this.#track(this.#run(entry));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const entry of this.#entries.values()) entry.stopTimers();
    this.#closing.abort(shuttingDown());
    await this.#waitForRuns();
    const { leases, logger } = this.#context;
    for (const lease of this.#claims) {
      await leases.release(lease).catch((error: unknown) => {
        logger.warn({ lease, error }, "A lease could not be given back; it runs out by itself.");
      });
    }
  }

  async #waitForRuns(): Promise<void> {
    const { clock, logger } = this.#context;
    const waited = new AbortController();
    const all = Promise.all(this.#pending).then(() => waited.abort());
    await Promise.race([all, sleep(clock, CLOSE_WAIT_MS, waited.signal).catch(() => {})]);
    if (waited.signal.aborted) return;
    const running = [...this.#entries.values()].filter(({ current }) => current).map(({ task }) => task.name);
    logger.warn(
      { running },
      "Scheduled tasks did not end when they were told to; their leases run out by themselves.",
    );
  }

  #startTimers(entry: Entry): void {
    if (!this.#settings.timers) return;
    const { schedule } = entry;
    entry.stopTimers = startTaskTimers({
      schedule,
      settings: this.#settings,
      clock: this.#context.clock,
      onDue: (claimMs) => {
        // Nothing in it throws but a logger that does, which must not end the host's process.
        this.#track(this.#runDue(entry, claimMs)).catch(() => {});
      },
    });
  }

  /** A run by timer. Of all replicas, the one that takes the lease of the interval makes it. */
  async #runDue(entry: Entry, claimMs: number): Promise<void> {
    if (entry.current) return;
    if (entry.task.everywhere === true || (await this.#claim(entry.task, claimMs))) await this.#run(entry);
  }

  async #claim(task: ScheduledTask, claimMs: number): Promise<boolean> {
    const lease = `interval:${task.name}`;
    try {
      if ((await this.#context.leases.acquire(lease, Math.max(1, Math.floor(claimMs)))) === null)
        return false;
      this.#claims.add(lease);
      return true;
    } catch (error) {
      this.#context.logger.warn({ task: task.name, error }, "A scheduled task could not be claimed.");
      return false;
    }
  }

  #run(entry: Entry): Promise<void> {
    entry.current ??= this.#runOnce(entry).finally(() => {
      entry.current = undefined;
    });
    return entry.current;
  }

  async #runOnce(entry: Entry): Promise<void> {
    const closing = this.#closing.signal;
    const run = new AbortController();
    // Not AbortSignal.any(): the outer signal lives as long as the process and would collect what depends on it.
    const abort = () => run.abort(closing.reason);
    closing.addEventListener("abort", abort, { once: true });
    if (closing.aborted) abort();
    try {
      if (await this.#perform(entry.task, run)) entry.failures = 0;
    } catch (error) {
      if (closing.aborted) return;
      entry.failures += 1;
      const details = { task: entry.task.name, failures: entry.failures, error };
      this.#context.logger.error(details, "A scheduled task failed.");
    } finally {
      closing.removeEventListener("abort", abort);
    }
  }

  /** Returns whether it ran. */
  async #perform(task: ScheduledTask, run: AbortController): Promise<boolean> {
    const { leases, clock, logger } = this.#context;
    const work = () => task.run({ signal: run.signal });
    if (task.everywhere !== true) {
      const { leaseMs } = this.#settings;
      return runExclusively({ leases, clock, logger, leaseMs, lease: `task:${task.name}`, run }, work);
    }
    if (run.signal.aborted) return false;
    await work();
    return true;
  }

  #track(run: Promise<void>): Promise<void> {
    this.#pending.add(run);
    return run.finally(() => this.#pending.delete(run));
  }

  #entryOf(name: string): Entry {
    const entry = this.#entries.get(name);
    if (!entry) throw new PlatformError("NOT_FOUND", `No scheduled task with name "${name}".`);
    return entry;
  }

  #refuseIfClosed(): void {
    if (this.#closing.signal.aborted) throw shuttingDown();
  }
}

function shuttingDown(): PlatformError {
  return new PlatformError(
    "SHUTTING_DOWN",
    "The scheduler is closed. Start a new platform to run tasks again.",
  );
}
