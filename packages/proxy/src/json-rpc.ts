import type { JsonRpcMessage } from "@moorage/core";

/** What a request's id may be; `1` and `"1"` are two ids. */
export type RequestId = string | number;

/** Loose JSON object, as it comes off the wire. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A message that wants an answer. */
export type RpcRequest = JsonRpcMessage & { readonly id: RequestId; readonly method: string };

/** A message that wants none. */
export type RpcNotification = JsonRpcMessage & { readonly method: string };

/** Numbers of JSON-RPC errors that the proxy itself answers with. */
export const RPC_ERRORS = {
  parseError: -32700,
  invalidRequest: -32600,
  invalidParams: -32602,
  internal: -32603,
  /** Everything that went wrong between client and server; `data` tells what. */
  platform: -32000,
  sessionNotFound: -32001,
} as const;

/** Whether a JSON value is an object: no list, not null. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a JSON value may be the id of a request; null may not. */
export function isRequestId(value: unknown): value is RequestId {
  return typeof value === "string" || (typeof value === "number" && Number.isFinite(value));
}

/** Whether a message wants an answer. */
export function isRequest(message: JsonRpcMessage): message is RpcRequest {
  return typeof message.method === "string" && isRequestId(message.id);
}

/** Whether a message wants no answer: it has no id at all. */
export function isNotification(message: JsonRpcMessage): message is RpcNotification {
  return typeof message.method === "string" && message.id === undefined;
}

/** An answer: a result or an error, whatever its id. */
export function isReply(message: JsonRpcMessage): boolean {
  return message.method === undefined && ("result" in message || "error" in message);
}

/** A parsed JSON value as a message of MCP, or undefined where it is none. Unknown members are kept. */
export function asMessage(value: unknown): JsonRpcMessage | undefined {
  if (!isObject(value) || value.jsonrpc !== "2.0") return undefined;
  if (value.params !== undefined && !isObject(value.params)) return undefined;
  const message = value as unknown as JsonRpcMessage;
  if (isRequest(message) || isNotification(message)) return message;
  return isReply(message) && isRequestId(message.id) ? message : undefined;
}

/** The token under which the sender of a request wants to hear of its progress. */
export function progressTokenOf(message: JsonRpcMessage): RequestId | undefined {
  const meta = message.params?._meta;
  const token = isObject(meta) ? meta.progressToken : undefined;
  return isRequestId(token) ? token : undefined;
}

/** The request under another id, which also becomes its progress token where it has one; all else as it was. */
export function rekeyRequest(message: JsonRpcMessage, id: number): RpcRequest {
  const request = { ...message, id } as RpcRequest;
  if (progressTokenOf(message) === undefined) return request;
  const meta = { ...(message.params?._meta as JsonObject), progressToken: id };
  return { ...request, params: { ...message.params, _meta: meta } };
}

/** The notification with one member of its params replaced. */
export function withParam(message: JsonRpcMessage, name: string, value: unknown): JsonRpcMessage {
  return { ...message, params: { ...message.params, [name]: value } };
}

/** A message as text, the one place where messages are written. Throws what cannot be written as JSON. */
export function serialize(message: JsonRpcMessage): string {
  return JSON.stringify(message);
}

/** A notification of the proxy itself. */
export function notification(method: string, params?: JsonObject): RpcNotification {
  return params === undefined ? { jsonrpc: "2.0", method } : { jsonrpc: "2.0", method, params };
}

/** The answer to the request with this id. */
export function resultReply(id: RequestId | null, result: unknown): JsonRpcMessage {
  return { jsonrpc: "2.0", id, result };
}

/** The refusal of the request with this id; null where the id is not known. */
export function errorReply(
  id: RequestId | null,
  error: { readonly code: number; readonly message: string; readonly data?: unknown },
): JsonRpcMessage {
  return { jsonrpc: "2.0", id, error };
}
