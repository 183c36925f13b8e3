import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { JsonRpcMessage, LaunchRequest, Transport } from "@moorage/core";

/** Answers every request with its own method and id; `LINES` may hold statements that run first. */
export const ANSWERING = `
const answer = (message) => process.stdout.write(JSON.stringify(message) + "\\n");
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === "exit") process.exit(params.code);
  if (method === "pid") return answer({ jsonrpc: "2.0", id, result: { pid: process.pid } });
  if (method === "environment") return answer({ jsonrpc: "2.0", id, result: process.env });
  answer({ jsonrpc: "2.0", id, result: { method } });
});
`;

/** Ignores the end of its input and SIGTERM; only SIGKILL, or a minute, ends it. */
export const STUBBORN = `process.on("SIGTERM", () => {}); setTimeout(() => {}, 60_000); process.stdin.on("error", () => {});`;

/** Statements for a child of Node that start another process, detached into a session of its own or not. */
export function startsAnother(source: string, detached: boolean): string {
  const options = JSON.stringify({ stdio: "ignore", detached });
  return `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(source)}], ${options}).unref();`;
}

/** A launch of a program of Node, given by its source. */
export function launchOf(source: string, overrides: Partial<LaunchRequest> = {}): LaunchRequest {
  return {
    instanceId: "instance-1",
    generation: 1,
    ownerId: "owner",
    runtime: { type: "command", transport: "stdio", command: process.execPath, args: ["-e", source] },
    environment: {},
    ...overrides,
  };
}

/** A folder that is removed when the tests of the file are over. */
export function scratchFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "moorage-process-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Whether a process still does anything, told without the provider's help. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !"ZX".includes(stat.slice(stat.lastIndexOf(")") + 2).charAt(0));
  } catch {
    return false;
  }
}

/** Pids of live processes whose environment has this text. */
export function pidsWith(text: string, pids: readonly number[]): number[] {
  return pids.filter((pid) => {
    try {
      return isAlive(pid) && readFileSync(`/proc/${pid}/environ`, "utf8").includes(text);
    } catch {
      return false;
    }
  });
}

/** Waits until `probe` answers with something, at most ten seconds. */
export async function until<Value>(probe: () => Value | Promise<Value>): Promise<NonNullable<Value>> {
  for (let beats = 0; beats < 400; beats++) {
    const value = await probe();
    if (value !== undefined && value !== null && value !== false) return value;
    await wait(25);
  }
  throw new Error(`This never came true: ${probe}`);
}

/** A started connection that keeps what it hears. */
export interface Conversation {
  readonly transport: Transport;
  readonly messages: readonly JsonRpcMessage[];
  readonly errors: readonly Error[];
  readonly closed: Promise<void>;
  ask(method: string, params?: Record<string, unknown>): Promise<Record<string, unknown>>;
}

export async function converse(transport: Transport): Promise<Conversation> {
  const messages: JsonRpcMessage[] = [];
  const errors: Error[] = [];
  let id = 0;
  transport.onmessage = (message) => messages.push(message);
  transport.onerror = (error) => errors.push(error);
  const closed = new Promise<void>((resolve) => {
    transport.onclose = resolve;
  });
  await transport.start();
  return {
    transport,
    messages,
    errors,
    closed,
    async ask(method, params = {}) {
      const asked = ++id;
      await transport.send({ jsonrpc: "2.0", id: asked, method, params });
      const answer = await until(() => messages.find((message) => message.id === asked));
      return answer.result as Record<string, unknown>;
    },
  };
}
