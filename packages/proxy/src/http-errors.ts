import { isPlatformError, type JsonRpcMessage } from "@moorage/core";
import { toRpcError } from "./call-errors.ts";
import { jsonResponse } from "./call-response.ts";
import { errorReply, RPC_ERRORS } from "./json-rpc.ts";

/** What an MCP endpoint refuses before any server sees it: HTTP status, JSON-RPC error code, words. */
const REFUSALS = {
  invalidJson: [400, RPC_ERRORS.parseError, "The body is not JSON."],
  notAMessage: [400, RPC_ERRORS.invalidRequest, "The body is not one JSON-RPC 2.0 message of MCP."],
  batch: [400, RPC_ERRORS.invalidRequest, "Batches are not supported. Send one message per request."],
  duplicateId: [400, RPC_ERRORS.invalidRequest, "A request with this id is under way in this session."],
  alreadyInitialized: [
    400,
    RPC_ERRORS.invalidRequest,
    "This session is initialized already. Send initialize without Mcp-Session-Id.",
  ],
  sessionRequired: [400, RPC_ERRORS.platform, "The Mcp-Session-Id header is missing. Send initialize first."],
  sessionUnknown: [
    404,
    RPC_ERRORS.sessionNotFound,
    "Session not found. Send initialize again, without Mcp-Session-Id.",
  ],
  originRefused: [
    403,
    RPC_ERRORS.platform,
    "Pages of this Origin may not call. Allow it with allowedOrigins.",
  ],
  hostRefused: [
    403,
    RPC_ERRORS.platform,
    "Requests for this Host are not answered. Allow it with allowedHosts.",
  ],
  methodNotAllowed: [405, RPC_ERRORS.platform, "Method not allowed. Use POST, GET or DELETE."],
  notAcceptable: [
    406,
    RPC_ERRORS.platform,
    "The Accept header must list application/json and text/event-stream.",
  ],
  streamNotAcceptable: [406, RPC_ERRORS.platform, "The Accept header must list text/event-stream."],
  streamOpen: [409, RPC_ERRORS.platform, "This session has an open stream already."],
  tooLarge: [413, RPC_ERRORS.platform, "The body is too large."],
  unsupportedMediaType: [415, RPC_ERRORS.platform, "The Content-Type must be application/json."],
  unsupportedVersion: [
    400,
    RPC_ERRORS.platform,
    "Bad Request: Unsupported protocol version in the MCP-Protocol-Version header.",
  ],
} as const satisfies Record<string, readonly [status: number, code: number, message: string]>;

/** Name of a reason to refuse an HTTP request. */
export type Refusal = keyof typeof REFUSALS;

/** The response to a refused request; `words` replaces the standing message. */
export function refuse(refusal: Refusal, words?: string): Response {
  const [status, code, message] = REFUSALS[refusal];
  const headers = refusal === "methodNotAllowed" ? { allow: "GET, POST, DELETE" } : {};
  return jsonResponse(errorReply(null, { code, message: words ?? message }), { status, headers });
}

/** The response to a request that failed as a whole, with the status of its error. */
export function errorResponse(id: JsonRpcMessage["id"], thrown: unknown): Response {
  const status = isPlatformError(thrown) ? thrown.status : 500;
  return jsonResponse(toRpcError(id ?? null, thrown), { status });
}
