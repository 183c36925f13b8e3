import { type ChildProcess, spawn } from "node:child_process";

/** A program that was started, and what it has said so far. */
export interface RunningProgram {
  readonly child: ChildProcess;
  /** Everything written so far, both streams in the order they came. */
  output(): string;
  /** Resolves with the first match of `pattern` in the output; rejects with the output if it ends before. */
  untilOutput(pattern: RegExp): Promise<RegExpMatchArray>;
  /** The exit code, or the signal's name, once it has ended. */
  readonly ended: Promise<number | string>;
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
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      child.emit("said");
    });
  }
  const ended = new Promise<number | string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
  const untilOutput = (pattern: RegExp) =>
    new Promise<RegExpMatchArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(text);
        if (match) resolve(match);
      };
      child.on("said", look);
      look();
      ended.then(
        (code) => reject(new Error(`It ended with ${code} and never said ${pattern}. It said:\n${text}`)),
        reject,
      );
    });
  return { child, output: () => text, untilOutput, ended };
}
