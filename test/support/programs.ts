import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

const KILL_AFTER_MS = 5_000;

/** A program that was started, and what it has said so far. */
export interface RunningProgram {
  readonly child: ChildProcess;
  /** Everything written so far, both streams in the order they came. */
  output(): string;
  /** What it has written to its standard output, without the warnings that Node itself may print elsewhere. */
  printed(): string;
  /** Resolves with the first match of `pattern` in what it printed; rejects with all output if it ends before. */
  untilOutput(pattern: RegExp): Promise<RegExpMatchArray>;
  /** The exit code, or the signal's name, once it has ended. */
  readonly ended: Promise<number | string>;
  /** Asks it to end if it still runs, kills it if it has not done so after five seconds; resolves when it is gone. */
  stop(): Promise<void>;
}

/** How a program is started. */
export interface ProgramOptions {
  readonly cwd?: string;
  /** Added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a program as a real child process and collects what it says. */
export function startProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): RunningProgram {
  const env = { ...process.env, NO_COLOR: "1", ...options.env };
  const child = spawn(command, [...args], { ...options, env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    printed += chunk;
    child.emit("printed");
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const ended = new Promise<number | string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
  const untilOutput = (pattern: RegExp) =>
    new Promise<RegExpMatchArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(printed);
        if (match) resolve(match);
      };
      child.on("printed", look);
      look();
      ended.then(
        (code) => reject(new Error(`It ended with ${code} and never printed ${pattern}. It said:\n${text}`)),
        reject,
      );
    });
  const stop = () => stopChild(child);
  return { child, output: () => text, printed: () => printed, untilOutput, ended, stop };
}

async function stopChild(child: ChildProcess): Promise<void> {
  const isOver = () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  if (isOver()) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS);
  await exited.finally(() => clearTimeout(timer));
}
