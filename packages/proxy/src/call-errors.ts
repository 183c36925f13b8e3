import {
  isPlatformError,
  type JsonRpcMessage,
  type Logger,
  PlatformError,
  toPlatformError,
} from "@moorage/core";
import { errorReply, type JsonObject, type RequestId, RPC_ERRORS } from "./json-rpc.ts";

/**
 * What is known of a call that got no answer. `never_sent`: the server has not seen it, so it may be sent again.
 * `unknown`: it may have been carried out.
 */
export type CallOutcome = "never_sent" | "unknown";

/** A call that did not reach the server; safe to repeat. */
export function neverSent(message: string, cause?: unknown): PlatformError {
  return new PlatformError("UPSTREAM_UNAVAILABLE", message, { details: { outcome: "never_sent" }, cause });
}

/** A call whose connection ended before its answer came; never repeated. */
export function connectionLost(cause?: unknown): PlatformError {
  const details = { outcome: "unknown" };
  if (isPlatformError(cause, "FRAME_TOO_LARGE")) {
    return new PlatformError("FRAME_TOO_LARGE", cause.message, { details, cause });
  }
  const message =
    "The connection to the server ended before it answered; the call may have been carried out. Check before you repeat it.";
  return new PlatformError("UPSTREAM_FAILED", message, { details, cause });
}

/** A call that was cut off because its instance was stopped. */
export function connectionReleased(): PlatformError {
  return new PlatformError(
    "UPSTREAM_UNAVAILABLE",
    "The instance was stopped before it answered; the call may have been carried out. Check before you repeat it.",
    { details: { outcome: "unknown" } },
  );
}

type RpcError = NonNullable<JsonRpcMessage["error"]>;

/** Whether the call that failed so may be sent again without the risk that it is carried out twice. */
export function wasNeverSent(error: unknown): boolean {
  return isPlatformError(error) && (error.details as JsonObject | undefined)?.outcome === "never_sent";
}

/** A server's JSON-RPC error as the error of a platform operation; the server's words are kept. */
export function fromRpcError(error: RpcError): PlatformError {
  if (error.code === RPC_ERRORS.invalidParams) {
    return new PlatformError("INVALID_INPUT", `The server refused the request: ${error.message}`, {
      details: { issues: [{ path: "", message: String(error.message) }] },
    });
  }
  return rejected(error);
}

/** A server's JSON-RPC error, whatever it was about. */
export function rejected({ code, message, data }: RpcError): PlatformError {
  return new PlatformError("UPSTREAM_FAILED", `The server answered with an error: ${message}`, {
    details: { outcome: "rejected", code, message, ...(data === undefined ? {} : { data }) },
  });
}

/** Tells the host's log about a failure whose cause the caller is not told. */
export function reportUnexpected(logger: Logger, thrown: unknown): void {
  if (!isPlatformError(thrown))
    logger.error({ error: thrown }, "a request to an instance failed unexpectedly");
}

/** Anything thrown, as the JSON-RPC error of the request with this id. `data` is our error body. */
export function toRpcError(id: RequestId | null, thrown: unknown): JsonRpcMessage {
  const error = toPlatformError(thrown);
  const { code, message, details, retryable } = error;
  return errorReply(id, {
    code: code === "INTERNAL" ? RPC_ERRORS.internal : RPC_ERRORS.platform,
    message,
    data: { code, retryable, ...(details === undefined ? {} : { details }) },
  });
}
