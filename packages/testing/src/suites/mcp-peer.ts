import type { JsonRpcMessage, Transport } from "@moorage/core";

/** A hand-written MCP client for the suites: it sees raw messages, and chooses its own request ids. */
export interface McpPeer {
  readonly transport: Transport;
  /** Every message that came in, in order. */
  readonly received: readonly JsonRpcMessage[];
  /** How often `onclose` was called. */
  closeCount(): number;
  /** Settles when the connection has ended. */
  readonly closed: Promise<void>;
  /** Sends a request and settles with the message that answers it. Rejects when the connection ends first. */
  request(message: {
    readonly id: number;
    readonly method: string;
    readonly params?: Readonly<Record<string, unknown>>;
  }): Promise<JsonRpcMessage>;
  /** The text of a tool's answer. */
  callTool(name: string, args?: Readonly<Record<string, unknown>>): Promise<string>;
}

interface Waiter {
  resolve(message: JsonRpcMessage): void;
  reject(error: Error): void;
}

/** The text of the first content block of a `tools/call` answer. */
export function textOf(message: JsonRpcMessage): string {
  const result = message.result as { readonly content?: readonly { readonly text?: string }[] } | undefined;
  const text = result?.content?.[0]?.text;
  if (text === undefined) throw new Error(`This answer has no text: ${JSON.stringify(message)}`);
  return text;
}

/** Starts the transport and completes `initialize`. */
export async function openPeer(transport: Transport): Promise<McpPeer> {
  const received: JsonRpcMessage[] = [];
  const waiters = new Map<JsonRpcMessage["id"], Waiter>();
  let closes = 0;
  let nextId = 1000;
  const closed = new Promise<void>((resolve) => {
    transport.onclose = () => {
      closes++;
      for (const waiter of waiters.values()) waiter.reject(new Error("The connection ended."));
      waiters.clear();
      resolve();
    };
  });
  transport.onmessage = (message) => {
    received.push(message);
    if (message.method !== undefined) return;
    waiters.get(message.id)?.resolve(message);
    waiters.delete(message.id);
  };
  await transport.start();

  const request: McpPeer["request"] = async (message) => {
    const answer = new Promise<JsonRpcMessage>((resolve, reject) => {
      waiters.set(message.id, { resolve, reject });
    });
    // A send that never settles must not hide that the connection has ended.
    await Promise.race([transport.send({ jsonrpc: "2.0", ...message }), answer]);
    return answer;
  };
  const callTool: McpPeer["callTool"] = async (name, args = {}) => {
    const params = { name, arguments: args };
    return textOf(await request({ id: nextId++, method: "tools/call", params }));
  };
  const peer = { transport, received, closed, closeCount: () => closes, request, callTool };
  await initialize(peer);
  return peer;
}

async function initialize({ request, transport }: Pick<McpPeer, "request" | "transport">): Promise<void> {
  const params = {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "moorage-suite", version: "1.0.0" },
  };
  const answer = await request({ id: 0, method: "initialize", params });
  if (answer.error !== undefined) throw new Error(`initialize was refused: ${answer.error.message}`);
  await transport.send({ jsonrpc: "2.0", method: "notifications/initialized" });
}
