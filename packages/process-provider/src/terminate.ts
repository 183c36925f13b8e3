import { type Clock, PlatformError, sleep } from "@moorage/core";
import { isLive, type ProcessEntry, type ProcessTable } from "./process-table.ts";
import { type ServerProcess, waitAtMost } from "./spawn.ts";

/** Processes that are to end: how many are left, and a way to signal each of them. */
export interface Target {
  readonly description: string;
  remaining(): Promise<number>;
  signal(signal: NodeJS.Signals): Promise<void>;
}

export interface StageOptions {
  readonly clock: Clock;
  /** Milliseconds for SIGTERM to work. */
  readonly termMs: number;
  /** Milliseconds for SIGKILL to work; it is sent again to whatever was born meanwhile. */
  readonly killMs: number;
}

const BEAT_MS = 25;
const MIN_KILL_MS = 1_000;
const MAX_INPUT_MS = 2_000;

/** Milliseconds of each stage of a stop that takes `graceMs` altogether, but for a last second after SIGKILL. */
export function stagesOf(graceMs: number): { inputMs: number; termMs: number; killMs: number } {
  const inputMs = Math.min(MAX_INPUT_MS, graceMs * 0.2);
  const termMs = Math.max(0, graceMs * 0.6 - inputMs);
  return { inputMs, termMs, killMs: Math.max(MIN_KILL_MS, graceMs - inputMs - termMs) };
}

/** SIGTERM, then SIGKILL, then proof that nothing is left. Throws `TIMEOUT` if something outlives even that. */
export async function endAll(target: Target, options: StageOptions): Promise<void> {
  if ((await target.remaining()) === 0) return;
  const { clock } = options;
  await target.signal("SIGTERM");
  const termUntil = clock.now() + options.termMs;
  while (clock.now() < termUntil) {
    if ((await target.remaining()) === 0) return;
    await sleep(clock, Math.min(BEAT_MS, termUntil - clock.now()));
  }
  const killUntil = clock.now() + options.killMs;
  while (clock.now() < killUntil) {
    if ((await target.remaining()) === 0) return;
    await target.signal("SIGKILL");
    await sleep(clock, BEAT_MS);
  }
  if ((await target.remaining()) === 0) return;
  throw new PlatformError(
    "TIMEOUT",
    `${target.description} did not end, not even by SIGKILL; it waits for the kernel, for instance for a dead network disk.`,
  );
}

/** Signals a process only if the pid still is that process's. */
export function signalEntry(table: ProcessTable, entry: ProcessEntry, signal: NodeJS.Signals): void {
  const current = table.read(entry.pid);
  if (!isLive(current) || current.startTicks !== entry.startTicks) return;
  try {
    process.kill(entry.pid, signal);
  } catch {
    // It ended in between, or became another user's.
  }
}

export interface TerminateOptions {
  readonly clock: Clock;
  readonly table: ProcessTable;
  /** Milliseconds for all stages together. */
  readonly graceMs: number;
  /** The live processes that descend from this one, its group and those that left it. */
  readonly members: () => Promise<readonly ProcessEntry[]>;
}

/**
 * Ends a child process of ours with all that it started: closes its input, then SIGTERM, then SIGKILL. Returns
 * when all of them are gone, as soon as they are.
 */
export async function terminate(server: ServerProcess, options: TerminateOptions): Promise<void> {
  const { clock, graceMs, members } = options;
  const stages = stagesOf(graceMs);
  server.keepGroup();
  // Learns who is in the group while the group is surely this process's.
  await members();
  server.stdin.end();
  await waitAtMost(server.exited, stages.inputMs, clock);
  await endAll(targetOf(server, options), { clock, ...stages });
}

function targetOf(server: ServerProcess, { table, members }: TerminateOptions): Target {
  return {
    description: `Process ${server.pid}`,
    async remaining() {
      if (server.exit === undefined) return 1;
      return table.bootId === null ? groupSize(server.pid) : (await members()).length;
    },
    async signal(signal) {
      server.signal(signal);
      if (table.bootId === null && server.exit !== undefined) return signalGroup(server.pid, signal);
      for (const entry of await members()) {
        // The group was signalled as a whole above, while its first process held on to the group's id.
        if (server.exit !== undefined || entry.groupId !== server.pid) signalEntry(table, entry, signal);
      }
    },
  };
}

function groupSize(groupId: number): number {
  try {
    process.kill(-groupId, 0);
    return 1;
  } catch {
    return 0;
  }
}

function signalGroup(groupId: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-groupId, signal);
  } catch {
    // Nobody is left in the group.
  }
}

/** Keeps the host's event loop turning until the work is done: its own timers do not. */
export async function holdOpen<Result>(work: Promise<Result>): Promise<Result> {
  const timer = setInterval(() => {}, 60_000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
