import {
  type Actor,
  type Clock,
  type Instance,
  type Isolation,
  type JsonRpcMessage,
  type ProxyContext,
  silentLogger,
  type ToolCallRecord,
  type Transport,
  type Upstream,
} from "@moorage/core";
import { describe, expect, it } from "vitest";

/** The server's end of one connection. */
export interface ServerEnd {
  readonly received: JsonRpcMessage[];
  /** Sends a message, or anything else, to the client. */
  send(message: unknown): void;
  /** The server goes away. */
  drop(error?: Error): void;
  readonly isClosed: boolean;
}

export type Script = (message: JsonRpcMessage, server: ServerEnd) => void;

/** A server in memory: `initialize` is answered by itself, all else by the script. */
export interface ScriptedServer {
  readonly connections: ServerEnd[];
  readonly connect: () => Promise<Transport>;
  /** The end of the newest connection. */
  last(): ServerEnd;
}

export const INITIALIZE_RESULT = {
  protocolVersion: "2025-11-25",
  capabilities: { tools: { listChanged: true }, "x-capability": { kept: true } },
  serverInfo: { name: "scripted", version: "1.0.0", "x-info": 1 },
  "x-member": "kept",
};

export function scriptedServer(script: Script = () => {}): ScriptedServer {
  const connections: ServerEnd[] = [];
  return {
    connections,
    connect: async () => {
      const { transport, end } = transportPair(script);
      connections.push(end);
      return transport;
    },
    last() {
      const end = connections.at(-1);
      if (!end) throw new Error("nobody has connected yet");
      return end;
    },
  };
}

/** Answers a tool call with what `answer` makes of its params. */
export function answering(answer: (params: Readonly<Record<string, unknown>>) => unknown): Script {
  return (message, server) => {
    if (message.id === undefined || message.method === undefined) return;
    server.send({ jsonrpc: "2.0", id: message.id, result: answer(message.params ?? {}) });
  };
}

function transportPair(script: Script): { readonly transport: Transport; readonly end: ServerEnd } {
  const received: JsonRpcMessage[] = [];
  let isClosed = false;
  const close = (error?: Error) => {
    if (isClosed) return;
    isClosed = true;
    if (error) transport.onerror?.(error);
    transport.onclose?.();
  };
  const end = {
    received,
    send: (message: unknown) => queueMicrotask(() => transport.onmessage?.(message as JsonRpcMessage)),
    drop: close,
    get isClosed() {
      return isClosed;
    },
  };
  const transport: Transport = {
    async start() {},
    async send(message) {
      if (isClosed) throw new Error("the pipe is closed");
      // What a real pipe does: the other side gets a copy.
      const copy = structuredClone(message);
      received.push(copy);
      if (copy.method === "initialize") end.send({ jsonrpc: "2.0", id: copy.id, result: INITIALIZE_RESULT });
      else script(copy, end);
    },
    async close() {
      close();
    },
  };
  return { transport, end };
}

/** A clock that moves only by hand. */
export interface ManualClock extends Clock {
  advance(milliseconds: number): Promise<void>;
  readonly timers: number;
}

export function manualClock(): ManualClock {
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  let now = Date.parse("2026-01-01T00:00:00.000Z");
  return {
    now: () => now,
    setTimer(callback, delayMs) {
      const timer = { at: now + delayMs, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    get timers() {
      return timers.size;
    },
    async advance(milliseconds) {
      const until = now + milliseconds;
      await settled();
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= until).sort((left, right) => left.at - right.at);
        if (!next) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.callback();
        await settled();
      }
      now = until;
    },
  };
}

/** Lets everything that is ready to run do so. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export const ALICE: Actor = { id: "alice" };
export const BOB: Actor = { id: "bob" };

export function instanceOf(id = "one", isolation: Isolation = "shared"): Instance {
  return { id, ownerId: "alice", serverId: "server", isolation } as Instance;
}

/** What a platform lends to a proxy, with everything it was told. */
export interface TestContext extends ProxyContext {
  readonly records: ToolCallRecord[];
  readonly acquired: string[];
  readonly touched: string[];
  readonly limited: (Actor | undefined)[];
}

export function contextFor(
  server: Pick<ScriptedServer, "connect">,
  options: {
    readonly clock?: Clock;
    readonly isolation?: Isolation;
    readonly overrides?: Partial<ProxyContext>;
  } = {},
): TestContext {
  const records: ToolCallRecord[] = [];
  const acquired: string[] = [];
  const touched: string[] = [];
  const limited: (Actor | undefined)[] = [];
  let ids = 0;
  const context = {
    ...{ records, acquired, touched, limited },
    clock: options.clock ?? manualClock(),
    ids: () => `id-${++ids}`,
    logger: silentLogger,
    hostId: "host",
    acquire: async (id: string): Promise<Upstream> => {
      acquired.push(id);
      return { instance: instanceOf(id, options.isolation), connect: server.connect };
    },
    recordToolCalls: async (batch: readonly ToolCallRecord[]) => void records.push(...batch),
    redact: <Value>(_: string, value: Value) => value,
    touch: (id: string) => void touched.push(id),
    limitToolCall: async (actor: Actor | undefined) => void limited.push(actor),
    ...options.overrides,
  };
  // A proxy has no tables, events or leases of its own.
  return context as unknown as TestContext;
}

describe("the scripted server", () => {
  it("answers initialize by itself and the rest by its script", async () => {
    const server = scriptedServer(answering(({ name }) => ({ called: name })));
    const transport = await server.connect();
    const heard: JsonRpcMessage[] = [];
    transport.onmessage = (message) => void heard.push(message);
    await transport.send({ jsonrpc: "2.0", id: 1, method: "initialize" });
    await transport.send({ jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "echo" } });
    await settled();
    expect(heard).toEqual([
      { jsonrpc: "2.0", id: 1, result: INITIALIZE_RESULT },
      { jsonrpc: "2.0", id: 2, result: { called: "echo" } },
    ]);
  });
});
