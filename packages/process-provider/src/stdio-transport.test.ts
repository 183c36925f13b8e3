import { spawn } from "node:child_process";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import {
  ANSWERING,
  converse,
  isAlive,
  launchOf,
  STUBBORN,
  scratchFolder,
  startsAnother,
  until,
} from "../test-support/children.ts";
import type { ProcessProviderOptions } from "./options.ts";
import { type ProcessProvider, processProvider } from "./process-provider.ts";

const scratch = scratchFolder();
const providers: ProcessProvider[] = [];
afterEach(() => Promise.all(providers.splice(0).map((provider) => provider.close())));
afterAll(() => scratch.remove());

async function open(source: string, options: ProcessProviderOptions = {}) {
  const provider = processProvider({
    stateDirectory: scratch.path,
    stopGraceMs: 1_000,
    ...options,
  });
  providers.push(provider);
  const { id } = await provider.launch(launchOf(source));
  const logs = async () => (await provider.logs(id, { limit: 10_000 })).map(({ text }) => text);
  return { id, provider, logs, conversation: await converse(await provider.connect(id)) };
}

describe("a stdio connection", () => {
  it("passes banners and chatter by, into the log, and every message on", async () => {
    const source = `console.log("Welcome to the server!"); console.log(""); console.log("[1] {"); console.log('{"no":1}');
      console.log("{}{}"); console.log("42"); console.error("to stderr");
      process.stdout.write('  {"jsonrpc":"2.0","method":"early"}\\r\\n'); ${ANSWERING}`;
    const { conversation, logs } = await open(source);
    expect(await conversation.ask("tools/list")).toEqual({ method: "tools/list" });
    expect(conversation.messages[0]).toEqual({ jsonrpc: "2.0", method: "early" });
    const chatter = ["Welcome to the server!", "[1] {", '{"no":1}', "{}{}", "42"];
    await until(async () => (await logs()).includes("to stderr"));
    expect((await logs()).filter((text) => text !== "to stderr")).toEqual(chatter);
    expect(conversation.errors).toEqual([]);
  });

  it("delivers each message of a batch", async () => {
    const { conversation } = await open(
      `console.log('[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","method":"b"}]'); ${ANSWERING}`,
    );
    await until(() => conversation.messages.length === 2);
    expect(conversation.messages.map(({ method }) => method)).toEqual(["a", "b"]);
  });

  it("kills a server that sends a line of 100 MB, in bounded memory", async () => {
    const source = `process.stdin.once("data", () => {
      const part = "x".repeat(1 << 20); let left = 100;
      const write = () => { while (left-- > 0) if (!process.stdout.write(part)) return process.stdout.once("drain", write); };
      write();
    }); setTimeout(() => {}, 60_000)`;
    const { conversation, provider, id } = await open(source);
    const before = process.memoryUsage().rss;
    let peak = before;
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 5);
    await conversation.transport.send({ jsonrpc: "2.0", id: 1, method: "flood" });
    await conversation.closed;
    clearInterval(watch);
    expect(conversation.errors).toMatchObject([{ code: "FRAME_TOO_LARGE" }]);
    expect(peak - before).toBeLessThan(64 * 1024 * 1024);
    expect(await provider.inspect(id)).toMatchObject({
      state: "failed",
      message: expect.stringContaining("more than 10485760 bytes"),
    });
  });

  it("takes a line that is just short enough", async () => {
    const line = JSON.stringify({ jsonrpc: "2.0", method: "x".repeat(900) });
    const { conversation } = await open(`console.log(${JSON.stringify(line)}); ${ANSWERING}`, {
      maxLineBytes: line.length,
    });
    expect(await conversation.ask("still")).toEqual({ method: "still" });
    expect(conversation.messages[0]?.method).toHaveLength(900);
  });

  it("settles every send when the server dies without reading", async () => {
    const { conversation, provider, id } = await open("setTimeout(() => process.exit(3), 700)");
    const text = "x".repeat(1 << 20);
    const sends = Array.from({ length: 5 }, (_, id) =>
      conversation.transport.send({ jsonrpc: "2.0", id, method: text }),
    );
    const results = await Promise.allSettled(sends);
    expect(results.at(-1)).toMatchObject({ status: "rejected", reason: { code: "UPSTREAM_UNAVAILABLE" } });
    await conversation.closed;
    await expect(conversation.transport.send({ jsonrpc: "2.0", method: "late" })).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      message: expect.stringContaining("exited with code 3"),
    });
    expect((await provider.inspect(id)).message).toBe("It exited with code 3.");
  });

  it("settles a send whose stream never calls back", async () => {
    const { conversation } = await open(ANSWERING, {
      spawn: (...parameters) => {
        const child = spawn(...parameters);
        child.stdin.write = () => true;
        return child;
      },
    });
    const sending = conversation.transport.send({ jsonrpc: "2.0", method: "x" });
    await Promise.all([
      expect(sending).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" }),
      conversation.transport.close(),
    ]);
  });

  it("holds at most 16 MiB for a server that does not read", async () => {
    const { conversation, provider, id } = await open("setTimeout(() => {}, 60_000)");
    const text = "x".repeat(6 << 20);
    const send = () => conversation.transport.send({ jsonrpc: "2.0", method: text });
    const waiting = Promise.allSettled([send(), send()]);
    await expect(send()).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    await provider.stop(id, { graceMs: 0 });
    expect((await waiting).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  it("sends separators of lines and paragraphs so that no reader of lines ends a message there", async () => {
    const source = `let text = ""; process.stdin.on("data", (chunk) => {
      text += chunk;
      if (text.endsWith("\\n")) console.log(JSON.stringify({ jsonrpc: "2.0", method: "raw", params: { text } }));
    })`;
    const { conversation } = await open(source);
    const params = { "a\u2028": "b\u2029c\u2028" };
    await conversation.transport.send({ jsonrpc: "2.0", method: "x", params });
    await until(() => conversation.messages.length === 1);
    const text = String(conversation.messages[0]?.params?.text);
    expect(text).not.toMatch(/[\u2028\u2029]/);
    expect(JSON.parse(text)).toEqual({ jsonrpc: "2.0", method: "x", params });
  });

  it("refuses what cannot be written, and goes on", async () => {
    const { conversation } = await open(ANSWERING);
    const params: Record<string, unknown> = {};
    params.self = params;
    const sending = conversation.transport.send({ jsonrpc: "2.0", method: "x", params });
    await expect(sending).rejects.toMatchObject({ code: "INVALID_INPUT" });
    expect(await conversation.ask("ping")).toEqual({ method: "ping" });
  });

  it("survives callbacks that throw", async () => {
    const { conversation } = await open(ANSWERING);
    const { transport } = conversation;
    const deliver = transport.onmessage;
    let errors = 0;
    transport.onmessage = (message) => {
      deliver?.(message);
      throw new Error("mine");
    };
    transport.onerror = () => {
      errors += 1;
      throw new Error("mine, too");
    };
    expect(await conversation.ask("one")).toEqual({ method: "one" });
    expect(await conversation.ask("two")).toEqual({ method: "two" });
    expect(errors).toBe(2);
  });

  it("closes when the server dies, although another process holds its output", async () => {
    const holder = `require("node:child_process").spawn("setsid", ["sleep", "30"], { stdio: ["ignore", "inherit", "inherit"] }).unref();`;
    const { conversation } = await open(`${holder} ${ANSWERING}`);
    const start = performance.now();
    await conversation.transport.send({ jsonrpc: "2.0", method: "exit", params: { code: 1 } });
    await conversation.closed;
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it("ends the process and its children when it is closed, and is told so once", async () => {
    const { conversation } = await open(`${startsAnother(STUBBORN, true)} ${ANSWERING}`);
    const { pid } = await conversation.ask("pid");
    await Promise.all([conversation.transport.close(), conversation.transport.close(), conversation.closed]);
    expect(isAlive(Number(pid))).toBe(false);
    await expect(conversation.transport.start()).rejects.toMatchObject({ code: "CONFLICT" });
  });

  it("tells a client that comes too late why there is nobody", async () => {
    const { provider, id } = await open(ANSWERING);
    const second = await provider.connect(id);
    await provider.stop(id);
    const onclose = vi.fn();
    second.onclose = onclose;
    await expect(second.start()).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    expect(onclose).toHaveBeenCalledTimes(1);
  });

  it("stays responsive while a server floods its log and its output", async () => {
    const source = `${ANSWERING} const junk = "y\\n".repeat(50_000);
      for (const stream of [process.stderr, process.stdout]) {
        const write = () => { while (stream.write(junk)); stream.once("drain", write); }; setTimeout(write, 50);
      }`;
    const { conversation, logs, provider } = await open(source);
    const calm = await provider.launch(launchOf(ANSWERING, { instanceId: "calm" }));
    const other = await converse(await provider.connect(calm.id));
    const start = performance.now();
    for (let turn = 0; turn < 20; turn++) await other.ask("ping");
    expect(performance.now() - start).toBeLessThan(10_000);
    expect((await logs()).some((text) => /bytes of output were dropped/.test(text))).toBe(true);
    expect((await logs()).length).toBeLessThan(5_000);
    await conversation.transport.close();
  });
});
