import { type Clock, isPlatformError, type JsonRpcMessage, PlatformError } from "@moorage/core";
import { neverSent, rejected } from "./call-errors.ts";
import type { UpstreamConnection } from "./connection.ts";
import { isObject, type JsonObject, notification } from "./json-rpc.ts";
import { SHARED_INITIALIZE_PARAMS } from "./protocol.ts";
import { startDeadline, unlessAborted } from "./waiting.ts";

/** A server's answer to `initialize`, unknown members included. */
export type InitializeResult = JsonObject & {
  readonly protocolVersion: string;
  readonly capabilities: JsonObject;
};

/** How long `initialize` may take, and whose it is. */
export interface HandshakeOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** The client's own `initialize` request, for a connection that is that client's alone. */
  readonly initialize?: JsonRpcMessage | undefined;
}

/**
 * Opens MCP on a connection. Where a client's own `initialize` is passed, `notifications/initialized` is left to that
 * client. Throws `UPSTREAM_UNAVAILABLE` (never sent), `UPSTREAM_FAILED` for a server that refuses, or `START_TIMEOUT`.
 */
export async function handshake(
  connection: UpstreamConnection,
  options: HandshakeOptions,
): Promise<InitializeResult> {
  const { timeoutMs } = options;
  const late = () =>
    new PlatformError("START_TIMEOUT", `The server did not answer initialize within ${timeoutMs} ms.`, {
      details: { timeoutMs },
    });
  const deadline = startDeadline({ ...options, late });
  try {
    return await initialize(connection, options.initialize, deadline.signal);
  } finally {
    deadline.dispose();
  }
}

async function initialize(
  connection: UpstreamConnection,
  message: JsonRpcMessage | undefined,
  signal: AbortSignal,
): Promise<InitializeResult> {
  const own: JsonRpcMessage = { jsonrpc: "2.0", method: "initialize", params: SHARED_INITIALIZE_PARAMS };
  await unlessAborted(connection.start().catch(refused), signal);
  const call = connection.request({ message: message ?? own, internal: true });
  const result = readResult(await unlessAborted(call.reply.catch(refused), signal));
  connection.negotiated(result.protocolVersion);
  if (!message) await connection.notify(notification("notifications/initialized"));
  return result;
}

// Before initialize is over no call of anybody can have been carried out, so that all may be tried again.
function refused(error: unknown): never {
  const words = isPlatformError(error) || !(error instanceof Error) ? "" : ` ${error.message}`;
  throw neverSent(`The server ended the connection before it answered initialize.${words}`, error);
}

function readResult(reply: JsonRpcMessage): InitializeResult {
  if (reply.error) throw rejected(reply.error);
  const result = reply.result;
  if (isObject(result) && typeof result.protocolVersion === "string" && isObject(result.capabilities)) {
    return result as InitializeResult;
  }
  throw new PlatformError("UPSTREAM_FAILED", "The server's answer to initialize is not one of MCP.", {
    details: { outcome: "rejected" },
  });
}
