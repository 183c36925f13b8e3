import type { ChildProcessWithoutNullStreams, SpawnOptionsWithoutStdio } from "node:child_process";
import { finished } from "node:stream/promises";
import { type Clock, PlatformError } from "@moorage/core";
import type { CommandLine } from "./command-line.ts";
import type { ProcessTable } from "./process-table.ts";

/** `spawn` of `node:child_process`, as far as it is used. */
export type SpawnFunction = (
  file: string,
  args: readonly string[],
  options: SpawnOptionsWithoutStdio,
) => ChildProcessWithoutNullStreams;

/** How a process ended: with a code, or by a signal. */
export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child process of this host, the first of its own process group. */
export interface ServerProcess {
  readonly pid: number;
  readonly startTicks: number;
  readonly stdin: ChildProcessWithoutNullStreams["stdin"];
  readonly stdout: ChildProcessWithoutNullStreams["stdout"];
  readonly stderr: ChildProcessWithoutNullStreams["stderr"];
  /** Undefined while it runs. */
  readonly exit: ExitStatus | undefined;
  readonly exited: Promise<ExitStatus>;
  /** Calls back the moment its end is known, before anything it wrote and nobody has read is thrown away. */
  onExit(listener: () => void): void;
  /** Signals the whole group; does nothing once the process has ended and its pid may be another's. */
  signal(signal: NodeJS.Signals): void;
  /** Lets what is left of the group outlive the process: somebody else ends it. Otherwise it is killed at once. */
  keepGroup(): void;
  /** After the end: waits until its output was read, at most a second, then lets go of the pipes. */
  drain(): Promise<void>;
}

export interface SpawnRequest {
  readonly command: CommandLine;
  /** What the definition calls the program; for messages. */
  readonly program: string;
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface SpawnContext {
  readonly spawn: SpawnFunction;
  readonly table: ProcessTable;
  readonly clock: Clock;
}

const DRAIN_MS = 1_000;

/** Starts a process in a group of its own, without a shell. Throws `LAUNCH_FAILED` naming the program and the remedy. */
export async function spawnServer(request: SpawnRequest, context: SpawnContext): Promise<ServerProcess> {
  const child = start(request, context.spawn);
  // Without these listeners a broken pipe would end the host; what it means is told by the process's end.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.on("error", () => {});
  const { pid } = child;
  if (pid === undefined) {
    const error = await new Promise<unknown>((resolve) => child.once("error", resolve));
    throw launchFailed(request, error);
  }
  // Later errors report signals that could not be sent; the process's end is what counts.
  child.on("error", () => {});
  return superviseChild(child, pid, context);
}

function start(request: SpawnRequest, spawn: SpawnFunction): ChildProcessWithoutNullStreams {
  try {
    return spawn(request.command.file, request.command.args, {
      cwd: request.folder,
      env: { ...request.environment },
      detached: true,
      shell: false,
      windowsHide: true,
      stdio: "pipe",
    });
  } catch (error) {
    throw launchFailed(request, error);
  }
}

function superviseChild(
  child: ChildProcessWithoutNullStreams,
  pid: number,
  { table, clock }: SpawnContext,
): ServerProcess {
  // The child cannot have been reaped yet, so that its entry is there even if it has ended already.
  const startTicks = table.read(pid)?.startTicks ?? 0;
  let exit: ExitStatus | undefined;
  let isGroupKept = false;
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once("exit", (code, signal) => {
      exit = { code, signal };
      if (!isGroupKept) signalGroupOf(pid, "SIGKILL");
      resolve(exit);
    });
  });
  return {
    pid,
    startTicks,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    get exit() {
      return exit;
    },
    onExit(listener) {
      child.once("exit", listener);
    },
    signal(signal) {
      if (exit === undefined) signalGroupOf(pid, signal);
    },
    keepGroup() {
      isGroupKept = true;
    },
    async drain() {
      await exited;
      await waitAtMost(Promise.all([ended(child.stdout), ended(child.stderr)]), DRAIN_MS, clock);
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
    },
  };
}

function ended(stream: ChildProcessWithoutNullStreams["stdout"]): Promise<void> {
  return finished(stream, { writable: false }).catch(() => {});
}

function signalGroupOf(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in the group.
  }
}

/** Waits for the work, but not longer than this. Whether the work was done in time. */
export async function waitAtMost(work: Promise<unknown>, timeMs: number, clock: Clock): Promise<boolean> {
  let cancel = () => {};
  const timeUp = new Promise<boolean>((resolve) => {
    cancel = clock.setTimer(() => resolve(false), timeMs);
  });
  try {
    return await Promise.race([work.then(() => true), timeUp]);
  } finally {
    cancel();
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: "it, or the interpreter its first line names, does not exist; install it, or correct the command",
  EACCES: "this user may not execute it; make it executable, or correct the command",
  E2BIG: "its arguments and variables are larger than the system allows; make them smaller",
  ENOEXEC: "it is not a program of this machine; use one built for it",
  EAGAIN: "this user has too many processes; stop some, or raise the limit",
  EMFILE: "the host has too many open files; raise the limit",
  ENOMEM: "the machine is out of memory; stop something, or add memory",
};

/** The error for a program that could not be started. Its arguments are not named, because they may hold secrets. */
export function launchFailed(request: Pick<SpawnRequest, "program">, error: unknown): PlatformError {
  const code = String((error as { readonly code?: unknown } | undefined)?.code ?? "unknown error");
  const words = /\s/.test(request.program)
    ? "; a command is a program's name alone, its arguments go into args"
    : "";
  const remedy = REMEDIES[code] ?? "the system refused it";
  return new PlatformError(
    "LAUNCH_FAILED",
    `"${request.program}" could not be started (${code}): ${remedy}${words}.`,
    { details: {} },
  );
}
