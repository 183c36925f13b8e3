import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A TypeScript program of the tests that runs in a process of its own. */
export interface Script {
  readonly child: ChildProcess;
  /** Resolves with the first line that starts with `prefix`; rejects when the program ends before. */
  line(prefix: string): Promise<string>;
  /** Resolves with the exit code or the signal, and everything it printed. */
  readonly ended: Promise<{
    readonly code: number | null;
    readonly signal: string | null;
    readonly output: string;
  }>;
}

/** Runs the program as a host would run it: plain Node, no test framework around it. */
export function runScript(path: string, args: readonly string[] = []): Script {
  const child = spawn(process.execPath, ["--conditions=@moorage/source", "--import", "tsx", path, ...args], {
    cwd: ROOT,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let over = false;
  const wake = () => {
    for (const look of waiting) look();
  };
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on("line", (text) => {
      lines.push(text);
      wake();
    });
  }
  const ended = new Promise<Awaited<Script["ended"]>>((resolve) => {
    child.on("close", (code, signal) => {
      over = true;
      wake();
      resolve({ code, signal, output: lines.join("\n") });
    });
  });
  const line = (prefix: string) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = lines.find((text) => text.startsWith(prefix));
        if (found === undefined && !over) return;
        waiting.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new Error(`The program ended without printing "${prefix}":\n${lines.join("\n")}`));
      };
      waiting.add(look);
      look();
    });
  return { child, line, ended };
}
