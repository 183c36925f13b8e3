import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fixtureScript } from "@moorage/testing";

/** A tool call made on the server itself, with nothing in between: what every other figure is compared with. */
export interface DirectServer {
  call(message: string): Promise<void>;
  close(): void;
}

export async function openDirectServer(): Promise<DirectServer> {
  const child = spawn(process.execPath, [fixtureScript("echo-light")], { stdio: ["pipe", "pipe", "ignore"] });
  const waiting = new Map<number, (line: string) => void>();
  let ids = 0;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { id } = JSON.parse(line) as { id?: number };
    if (id === undefined) return;
    waiting.get(id)?.(line);
    waiting.delete(id);
  });
  const ask = (method: string, params: object) =>
    new Promise<string>((resolve) => {
      const id = ++ids;
      waiting.set(id, resolve);
      child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    });
  const clientInfo = { name: "bench", version: "0" };
  await ask("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo });
  child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
  return {
    async call(message) {
      const line = await ask("tools/call", { name: "echo", arguments: { message } });
      if (!line.includes(message)) throw new Error(`The server answered ${line}`);
    },
    close: () => child.stdin.end(),
  };
}
