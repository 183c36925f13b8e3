import {
  type Actor,
  type JsonRpcMessage,
  type McpItem,
  PlatformError,
  type ProxyCallOptions,
  type ToolCallAnswer,
} from "@moorage/core";
import { fromRpcError } from "./call-errors.ts";
import { exceedsJsonBounds } from "./json-bounds.ts";
import { isObject, type JsonObject } from "./json-rpc.ts";
import type { Router } from "./router.ts";
import { ToolCall, type ToolCallContext } from "./tool-call.ts";
import { startDeadline } from "./waiting.ts";

/** What the tools need of the proxy. */
export interface ToolsContext extends ToolCallContext {
  readonly router: Router;
  readonly limitToolCall: (actor: Actor | undefined) => Promise<void>;
  readonly callTimeoutMs: number;
}

/** A tool of an instance and what to call it with. */
export interface ToolRequest {
  readonly instanceId: string;
  readonly name: string;
  readonly arguments?: JsonObject;
}

/** What a server lists: the part of its `<kind>/list` method before the slash. */
export type ListKind = "tools" | "resources" | "prompts";

const MAX_PAGES = 100;
const METHOD_NOT_FOUND = -32601;
const PROGRESS_TOKEN = "progress";

/** Calls a tool and waits for its result. See `McpProxy.callTool`; a call whose outcome is unknown is never repeated. */
export async function callTool(
  request: ToolRequest,
  options: ProxyCallOptions,
  context: ToolsContext,
): Promise<ToolCallAnswer> {
  checkRequest(request);
  await context.limitToolCall(options.actor);
  const { instanceId, name, arguments: given = {} } = request;
  const { actor, sessionId } = options;
  const call = new ToolCall({ tool: name, arguments: given, actor, sessionId }, context);
  const message = messageFor(name, given, options);
  const onProgress = (progress: JsonRpcMessage) => report(progress, options);
  try {
    const reply = await within(options, context, (signal) =>
      context.router.request({
        ...{ instanceId, message, signal, onProgress },
        onRoute: ({ instance }) => call.routed(instance),
        onRetry: () => call.retried(),
      }),
    );
    return answerOf(call, reply);
  } catch (error) {
    call.failed(error, { withdrawn: options.signal?.aborted === true });
    throw error;
  }
}

/** Everything of one kind that a server lists, all pages. A server without that capability has none. */
export async function listAll(
  target: { readonly instanceId: string; readonly kind: ListKind },
  options: ProxyCallOptions,
  context: ToolsContext,
): Promise<readonly McpItem[]> {
  const { instanceId, kind } = target;
  return within(options, context, async (signal) => {
    const items: McpItem[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const params = cursor === undefined ? {} : { params: { cursor } };
      const message: JsonRpcMessage = { jsonrpc: "2.0", method: `${kind}/list`, ...params };
      const result = listResult(await context.router.request({ instanceId, message, signal }));
      if (Array.isArray(result[kind])) items.push(...result[kind].filter(isItem));
      if (typeof result.nextCursor !== "string") return items;
      cursor = result.nextCursor;
    }
    throw new PlatformError("UPSTREAM_FAILED", `The server lists more than ${MAX_PAGES} pages of ${kind}.`);
  });
}

function checkRequest({ name, arguments: given }: ToolRequest): void {
  if (typeof name !== "string" || name === "") throw invalid("name", "must be the name of a tool");
  if (given === undefined) return;
  if (!isObject(given)) throw invalid("arguments", "must be a JSON object");
  const excess = exceedsJsonBounds(given);
  if (excess) throw invalid("arguments", excess);
}

function invalid(path: string, message: string): PlatformError {
  return new PlatformError("INVALID_INPUT", `The tool call is not valid: ${path} ${message}.`, {
    details: { issues: [{ path, message }] },
  });
}

function messageFor(name: string, given: JsonObject, options: ProxyCallOptions): JsonRpcMessage {
  const meta = options.onProgress ? { _meta: { progressToken: PROGRESS_TOKEN } } : {};
  return { jsonrpc: "2.0", method: "tools/call", params: { name, arguments: given, ...meta } };
}

function report(message: JsonRpcMessage, { onProgress }: ProxyCallOptions): void {
  const { progress, total, message: words } = message.params ?? {};
  if (typeof progress !== "number") return;
  onProgress?.({
    progress,
    ...(typeof total === "number" ? { total } : {}),
    ...(typeof words === "string" ? { message: words } : {}),
  });
}

function answerOf(call: ToolCall, reply: JsonRpcMessage): ToolCallAnswer {
  const { result } = reply;
  if (reply.error) throw fromRpcError(reply.error);
  if (!isObject(result))
    throw new PlatformError("UPSTREAM_FAILED", "The server's answer to the tool call is no result of MCP.");
  const status = call.replied(reply);
  const { id, durationMs, retries, createdAt } = call;
  return {
    callId: id,
    status: status === "success" ? status : "failed",
    result,
    durationMs,
    retries,
    createdAt,
  };
}

function listResult(reply: JsonRpcMessage): JsonObject {
  if (reply.error?.code === METHOD_NOT_FOUND) return {};
  if (reply.error) throw fromRpcError(reply.error);
  return isObject(reply.result) ? reply.result : {};
}

function isItem(value: unknown): value is McpItem {
  return isObject(value) && typeof value.name === "string";
}

async function within<Result>(
  options: ProxyCallOptions,
  context: ToolsContext,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const timeoutMs = options.timeoutMs ?? context.callTimeoutMs;
  const late = () =>
    new PlatformError(
      "TIMEOUT",
      `The server did not answer within ${timeoutMs} ms; the call was cancelled.`,
      {
        details: { timeoutMs, outcome: "unknown" },
      },
    );
  const deadline = startDeadline({ clock: context.clock, timeoutMs, late, signal: options.signal });
  try {
    return await work(deadline.signal);
  } catch (error) {
    throw error === options.signal?.reason ? withdrawn(error) : error;
  } finally {
    deadline.dispose();
  }
}

function withdrawn(cause: unknown): PlatformError {
  return new PlatformError("TIMEOUT", "The caller withdrew before the call was over; it was cancelled.", {
    details: { outcome: "unknown" },
    cause,
  });
}
