import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type JsonRpcMessage, systemClock, type Transport } from "@moorage/core";
import { afterEach, expect, it } from "vitest";
import { proxy } from "./proxy.ts";
import { ALICE, contextFor } from "./scripted-server.test.ts";

/** An MCP server without any library: `echo`, `slow` with progress and cancellation, `crash`, and a count of cancellations. */
const SERVER = `
const write = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
const running = new Map();
let cancelled = 0;
const answer = (id, text) => write({ id, result: { content: [{ type: "text", text: String(text) }] } });
const tools = {
  echo: (id, { text }) => answer(id, text),
  pid: (id) => answer(id, process.pid),
  cancelled: (id) => answer(id, cancelled),
  crash: () => process.exit(3),
  slow(id, { ms, text }, token) {
    if (token !== undefined) write({ method: "notifications/progress", params: { progressToken: token, progress: 1, message: text } });
    running.set(id, setTimeout(() => { running.delete(id); answer(id, text); }, ms));
  },
};
const handlers = {
  initialize: ({ id, params }) => write({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "plain", version: "1" } } }),
  ping: ({ id }) => write({ id, result: {} }),
  "tools/list": ({ id }) => write({ id, result: { tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: "object" } })) } }),
  "tools/call": ({ id, params }) => tools[params.name](id, params.arguments, params._meta?.progressToken),
  "notifications/cancelled": ({ params }) => { if (running.has(params.requestId)) { clearTimeout(running.get(params.requestId)); running.delete(params.requestId); cancelled += 1; } },
};
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const message = JSON.parse(line);
  handlers[message.method]?.(message);
}).on("close", () => process.exit(0));
`;

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** One process per connection, as plain as it can be. */
async function connect(): Promise<Transport> {
  const child = spawn(process.execPath, ["-e", SERVER], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const transport: Transport = {
    async start() {
      createInterface({ input: child.stdout }).on("line", (line) =>
        transport.onmessage?.(JSON.parse(line) as JsonRpcMessage),
      );
      child.stdin.on("error", (error) => transport.onerror?.(error));
      void exited.then(() => transport.onclose?.());
    },
    send: (message) =>
      new Promise((resolve, reject) => {
        child.stdin.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()));
      }),
    async close() {
      child.stdin.end();
      await exited;
    },
  };
  return transport;
}

function running() {
  const context = contextFor({ connect }, { clock: systemClock });
  const service = proxy().create(context);
  const call = (name: string, given: Readonly<Record<string, unknown>> = {}, options = {}) =>
    service.callTool({ instanceId: "one", name, arguments: given }, options);
  return { context, service, call };
}

async function textOf(
  answer: Promise<{ readonly result: Readonly<Record<string, unknown>> }>,
): Promise<string | undefined> {
  const { content } = (await answer).result as { content: { text: string }[] };
  return content[0]?.text;
}

it("talks to a real process: lists, calls, progress, ping, and leaves nothing behind when it closes", async () => {
  const { service, call } = running();
  expect((await service.listTools("one")).map(({ name }) => name)).toContain("echo");
  expect(await textOf(call("echo", { text: "grüße\n\u2028" }))).toBe("grüße\n\u2028");
  const heard: unknown[] = [];
  await call("slow", { ms: 1, text: "half" }, { onProgress: (progress: unknown) => heard.push(progress) });
  expect(heard).toEqual([{ progress: 1, message: "half" }]);
  await service.ping("one");
  await service.close();
  expect(children.map(({ exitCode }) => exitCode)).toEqual([0]);
});

it("gives 64 concurrent callers of one process their own answers, 1,000 calls of mixed length", async () => {
  const { service, call } = running();
  const wrong: string[] = [];
  const caller = async (name: number) => {
    for (let turn = 0; turn < 16; turn += 1) {
      const text = `${name}/${turn}`;
      const heard: unknown[] = [];
      const onProgress = (progress: { message?: string }) => heard.push(progress.message);
      const answer = await textOf(call("slow", { ms: (name * 7 + turn * 3) % 11, text }, { onProgress }));
      if (answer !== text || heard.join() !== text) wrong.push(text, String(answer), heard.join());
    }
  };
  await Promise.all(Array.from({ length: 64 }, (_, name) => caller(name)));
  expect(wrong).toEqual([]);
  expect(children).toHaveLength(1);
  await service.close();
});

it("cancels at the process what takes too long", async () => {
  const { service, call } = running();
  await call("echo", { text: "warm" });
  await expect(call("slow", { ms: 60_000, text: "never" }, { timeoutMs: 50 })).rejects.toMatchObject({
    code: "TIMEOUT",
  });
  expect(await textOf(call("cancelled"))).toBe("1");
  await service.close();
});

it("tells a caller that the process died under the call, and serves the next one from a new process", async () => {
  const { service, call, context } = running();
  const before = await textOf(call("pid"));
  await expect(call("crash", {}, { actor: ALICE })).rejects.toMatchObject({
    code: "UPSTREAM_FAILED",
    details: { outcome: "unknown" },
  });
  expect(await textOf(call("pid"))).not.toBe(before);
  await service.close();
  expect(context.records.map(({ tool, status, retries }) => [tool, status, retries])).toEqual([
    ["pid", "success", 0],
    ["crash", "failed", 0],
    ["pid", "success", 0],
  ]);
});
