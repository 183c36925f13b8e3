import { invalidInput } from "@moorage/core";
import { Cron } from "croner";

/** When a task is due: every so many milliseconds, or at the times of a cron line. */
export interface Schedule {
  /** Cron lines name moments, which are kept to; intervals are spread, so that replicas do not move in step. */
  readonly kind: "interval" | "cron";
  /** Milliseconds from `time` (since the epoch) to the next time it is due; null if there is none. */
  gapAfter(time: number): number | null;
}

const SHORTEST_INTERVAL_MS = 100;

/**
 * Reads a task's `every`: at least 100 ms, or a cron line of five or six fields in UTC. Throws `INVALID_INPUT`
 * for anything else, and for a line that never comes true.
 */
export function parseSchedule(every: number | string): Schedule {
  return typeof every === "string" ? cronSchedule(every) : intervalSchedule(every);
}

function intervalSchedule(every: number): Schedule {
  if (!Number.isFinite(every) || every < SHORTEST_INTERVAL_MS) {
    throw scheduleError(`is ${every}, but must be at least ${SHORTEST_INTERVAL_MS} ms`);
  }
  return { kind: "interval", gapAfter: () => every };
}

function cronSchedule(line: string): Schedule {
  const cron = parseCron(line);
  const gapAfter = (time: number) => {
    const next = cron.nextRun(new Date(time));
    return next === null ? null : next.getTime() - time;
  };
  if (gapAfter(Date.UTC(2000, 0)) === null)
    throw scheduleError(`is the cron line "${line}", which never comes true`);
  return { kind: "cron", gapAfter };
}

function parseCron(line: string): Cron {
  try {
    return new Cron(line, { utcOffset: 0, mode: "5-or-6-parts", paused: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw scheduleError(`is not a number of milliseconds and not a cron line: ${reason}`);
  }
}

function scheduleError(message: string) {
  return invalidInput("task", [{ path: "every", message }]);
}
