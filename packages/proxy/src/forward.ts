import {
  type Actor,
  type Clock,
  type JsonRpcMessage,
  type Logger,
  PlatformError,
  type ProxyContext,
} from "@moorage/core";
import { reportUnexpected, toRpcError } from "./call-errors.ts";
import type { CallLog } from "./call-log.ts";
import { CallResponse } from "./call-response.ts";
import { refuse } from "./http-errors.ts";
import type { JsonObject, RpcRequest } from "./json-rpc.ts";
import { type ClientCancellation, cancellationOf, type Router } from "./router.ts";
import type { Session } from "./session.ts";
import { ToolCall, type ToolCallContext } from "./tool-call.ts";
import { type Deadline, startDeadline } from "./waiting.ts";

/** What forwarding needs of the proxy. */
export interface ForwardContext extends ToolCallContext {
  readonly clock: Clock;
  readonly log: CallLog;
  readonly logger: Logger;
  readonly router: Router;
  readonly redact: ProxyContext["redact"];
  readonly limitToolCall: (actor: Actor | undefined) => Promise<void>;
  readonly requestTimeoutMs: number;
}

/** A client's request and the session it came in. */
export interface ClientRequest {
  readonly session: Session;
  readonly actor: Actor;
  readonly message: RpcRequest;
}

/** Sends a client's request to its server, untouched but for its id, and answers with whatever comes back. */
export async function forwardRequest(request: ClientRequest, context: ForwardContext): Promise<Response> {
  const { session, message } = request;
  const response = new CallResponse();
  const deadline = deadlineOf(context);
  const cancel = (params: JsonObject) => {
    deadline.abort({ cancelledByClient: params } satisfies ClientCancellation);
    response.end();
  };
  if (!session.begin(message.id, { response, cancel })) {
    deadline.dispose();
    return refuse("duplicateId");
  }
  const exchange = { request, response, deadline };
  void (message.method === "tools/call" ? callTool(exchange, context) : call(exchange, context))
    .then((reply) => response.finish({ ...reply, id: message.id }))
    .catch((error: unknown) => {
      if (cancellationOf(error)) return;
      reportUnexpected(context.logger, error);
      response.finish(toRpcError(message.id, context.redact(session.instance.id, error)));
    })
    .finally(() => {
      deadline.dispose();
      session.finish(message.id);
    });
  return response.response;
}

interface Exchange {
  readonly request: ClientRequest;
  readonly response: CallResponse;
  readonly deadline: Deadline;
}

function call(exchange: Exchange, context: ForwardContext, toolCall?: ToolCall): Promise<JsonRpcMessage> {
  const { session, message } = exchange.request;
  return context.router.request({
    instanceId: session.instance.id,
    message,
    signal: exchange.deadline.signal,
    client: session,
    dedicated: session.connection,
    onProgress: (progress) => exchange.response.send(progress),
    onRetry: () => toolCall?.retried(),
  });
}

async function callTool(exchange: Exchange, context: ForwardContext): Promise<JsonRpcMessage> {
  const { session, actor, message } = exchange.request;
  await context.limitToolCall(actor);
  const { name, arguments: given } = message.params ?? {};
  const toolCall = new ToolCall(
    { tool: String(name), arguments: given, actor, sessionId: session.id, instance: session.instance },
    context,
  );
  try {
    const reply = await call(exchange, context, toolCall);
    toolCall.replied(reply);
    return reply;
  } catch (error) {
    toolCall.failed(error, { withdrawn: cancellationOf(error) !== undefined });
    throw error;
  }
}

function deadlineOf({ clock, requestTimeoutMs }: ForwardContext): Deadline {
  const late = () =>
    new PlatformError(
      "TIMEOUT",
      `The server did not answer within ${requestTimeoutMs} ms; the request was cancelled.`,
      {
        details: { timeoutMs: requestTimeoutMs },
      },
    );
  return startDeadline({ clock, timeoutMs: requestTimeoutMs, late });
}
