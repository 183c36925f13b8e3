import { type Clock, PlatformError } from "@moorage/core";
import { fromRpcError } from "./call-errors.ts";
import type { UpstreamConnection } from "./connection.ts";
import { startDeadline } from "./waiting.ts";

/** Pings a server. Throws `TIMEOUT` when it does not answer in time, and what it answers when that is an error. */
export async function pingServer(
  connection: UpstreamConnection,
  options: { readonly clock: Clock; readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { timeoutMs } = options;
  const late = () =>
    new PlatformError("TIMEOUT", `The server did not answer a ping within ${timeoutMs} ms.`, {
      details: { timeoutMs },
    });
  const deadline = startDeadline({ ...options, late });
  try {
    const call = connection.request({ message: { jsonrpc: "2.0", method: "ping" }, internal: true });
    const abort = () => call.cancel(deadline.signal.reason, { reason: "The ping took too long." });
    deadline.signal.addEventListener("abort", abort, { once: true });
    const { error } = await call.reply;
    if (error) throw fromRpcError(error);
  } finally {
    deadline.dispose();
  }
}
