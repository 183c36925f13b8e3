import type { Clock, JsonRpcMessage } from "@moorage/core";
import type { FakePeer } from "./fake-connection.ts";
import type { FakeTool } from "./fake-tools.ts";

/** What the fake server is told about the resource it answers for. */
export interface FakeServerOptions {
  readonly instanceId: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
  readonly tools: Readonly<Record<string, FakeTool>>;
  readonly clock: Clock;
  crash(): void;
}

type Parameters = Readonly<Record<string, unknown>>;
type Send = (message: JsonRpcMessage) => void;
type Answer = Pick<JsonRpcMessage, "result"> | Required<Pick<JsonRpcMessage, "error">>;

const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
const INTERNAL_ERROR = -32603;
const LATEST_REVISION = "2025-11-25";
const REVISIONS: readonly unknown[] = ["2024-11-05", "2025-03-26", "2025-06-18", LATEST_REVISION];

const GREETING = { uri: "fixture://greeting", name: "greeting", mimeType: "text/plain" };
const GREET = { name: "greet", arguments: [{ name: "name", required: true }] };

function failure(code: number, message: string): Answer {
  return { error: { code, message } };
}

/** Every method but `tools/call`, as a function of its parameters. */
const METHODS: Readonly<Record<string, (params: Parameters) => Answer>> = {
  initialize: ({ protocolVersion }) => ({
    result: {
      protocolVersion: REVISIONS.includes(protocolVersion) ? protocolVersion : LATEST_REVISION,
      capabilities: { tools: {}, resources: {}, prompts: {}, logging: {} },
      serverInfo: { name: "fake", version: "1.0.0" },
    },
  }),
  ping: () => ({ result: {} }),
  "logging/setLevel": () => ({ result: {} }),
  "resources/list": () => ({ result: { resources: [GREETING] } }),
  "resources/read": ({ uri }) =>
    uri === GREETING.uri
      ? { result: { contents: [{ ...GREETING, text: "Hello from the fake server." }] } }
      : failure(INVALID_PARAMS, `There is no resource "${uri}".`),
  "prompts/list": () => ({ result: { prompts: [GREET] } }),
  "prompts/get": ({ name }) =>
    name === GREET.name
      ? { result: { messages: [{ role: "user", content: { type: "text", text: "Say hello." } }] } }
      : failure(INVALID_PARAMS, `There is no prompt "${name}".`),
};

function listTools(tools: FakeServerOptions["tools"]): Answer {
  const described = Object.entries(tools).map(([name, { call: _call, ...tool }]) => ({
    name,
    inputSchema: { type: "object" },
    ...tool,
  }));
  return { result: { tools: described } };
}

function progressTokenOf(params: Parameters): unknown {
  return (params._meta as Parameters | undefined)?.progressToken;
}

/** One MCP server in memory, for one connection: initialize, ping, tools with progress and cancellation, lists. */
export function fakeServer(options: FakeServerOptions, send: Send): FakePeer {
  const calls = new Map<unknown, AbortController>();

  async function respond(message: JsonRpcMessage): Promise<void> {
    const controller = new AbortController();
    calls.set(message.id, controller);
    const answer = await answerTo(message, { options, send, signal: controller.signal });
    calls.delete(message.id);
    // A cancelled request is not answered.
    if (!controller.signal.aborted) send({ jsonrpc: "2.0", id: message.id ?? null, ...answer });
  }

  return {
    receive(message) {
      if (message.method === "notifications/cancelled") calls.get(message.params?.requestId)?.abort();
      else if (message.method !== undefined && message.id !== undefined) void respond(message);
    },
    ended() {
      for (const controller of calls.values()) controller.abort();
    },
  };
}

interface CallScope {
  readonly options: FakeServerOptions;
  readonly send: Send;
  readonly signal: AbortSignal;
}

async function answerTo(message: JsonRpcMessage, scope: CallScope): Promise<Answer> {
  const { method = "", params = {} } = message;
  try {
    if (method === "tools/list") return listTools(scope.options.tools);
    if (method === "tools/call") return await callTool(params, scope);
    return METHODS[method]?.(params) ?? failure(METHOD_NOT_FOUND, `Method not found: ${method}`);
  } catch (error) {
    return failure(INTERNAL_ERROR, error instanceof Error ? error.message : String(error));
  }
}

async function callTool(params: Parameters, { options, send, signal }: CallScope): Promise<Answer> {
  const { instanceId, environment, files, clock, crash, tools } = options;
  const tool = tools[String(params.name)];
  if (tool === undefined) return failure(INVALID_PARAMS, `There is no tool named "${params.name}".`);
  const progress = reporter(progressTokenOf(params), send);
  const context = { instanceId, environment, files, clock, crash, signal, progress };
  return { result: await tool.call((params.arguments ?? {}) as Parameters, context) };
}

function reporter(progressToken: unknown, send: Send): (progress: number, total?: number) => void {
  return (progress, total) => {
    if (progressToken === undefined) return;
    const params = { progressToken, progress, ...(total === undefined ? {} : { total }) };
    send({ jsonrpc: "2.0", method: "notifications/progress", params });
  };
}
