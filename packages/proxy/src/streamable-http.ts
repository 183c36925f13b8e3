import type { Actor, JsonRpcMessage } from "@moorage/core";
import { reportUnexpected } from "./call-errors.ts";
import { type ForwardContext, forwardRequest } from "./forward.ts";
import { accepts, type HttpCheckOptions, postRefusalOf, readBody, refusalOf } from "./http-checks.ts";
import { errorResponse, refuse } from "./http-errors.ts";
import { type InitializeContext, initialize } from "./initialize.ts";
import { exceedsJsonBounds } from "./json-bounds.ts";
import { asMessage, isNotification, isRequest } from "./json-rpc.ts";
import type { Session } from "./session.ts";
import { SseWriter } from "./sse-writer.ts";

/** What an MCP endpoint needs of the proxy. */
export interface EndpointContext extends ForwardContext, InitializeContext {
  readonly checks: HttpCheckOptions;
  readonly maxRequestBytes: number;
}

/** One HTTP request to the MCP endpoint of an instance that this actor may call. */
export interface EndpointRequest {
  readonly request: Request;
  readonly instanceId: string;
  readonly actor: Actor;
}

/**
 * MCP Streamable HTTP for one instance, revisions 2025-03-26 to 2025-11-25. Never throws: what is wrong with a request
 * is its response, an HTTP status with a JSON-RPC error.
 */
export async function handleStreamableHttp(
  call: EndpointRequest,
  context: EndpointContext,
): Promise<Response> {
  try {
    return await dispatch(call, context);
  } catch (error) {
    reportUnexpected(context.logger, error);
    return errorResponse(null, context.redact(call.instanceId, error));
  }
}

function dispatch(call: EndpointRequest, context: EndpointContext): Answer {
  context.pool.closing.throwIfAborted();
  const refusal = refusalOf(call.request, context.checks);
  if (refusal) return refuse(refusal);
  switch (call.request.method) {
    case "POST":
      return post(call, context);
    case "GET":
      return withSession(call, context, (session) => openStream(call.request, session));
    case "DELETE":
      return withSession(call, context, (session) => {
        session.end();
        return new Response(null, { status: 200 });
      });
    default:
      return refuse("methodNotAllowed");
  }
}

type Answer = Response | Promise<Response>;

function withSession(
  { request, instanceId, actor }: EndpointRequest,
  { sessions }: EndpointContext,
  answer: (session: Session) => Answer,
): Answer {
  const id = request.headers.get("mcp-session-id");
  if (id === null) return refuse("sessionRequired");
  const session = sessions.find(id, { instanceId, actorId: actor.id });
  return session ? answer(session) : refuse("sessionUnknown");
}

function openStream(request: Request, session: Session): Response {
  if (!accepts(request.headers, "text/event-stream")) return refuse("streamNotAcceptable");
  const stream: SseWriter = new SseWriter({ onClose: () => session.streamClosed(stream) });
  if (!session.openStream(stream)) return refuse("streamOpen");
  // Something has to be sent, so that the headers are, too: clients wait for them.
  stream.keepAlive();
  return stream.response;
}

async function post(call: EndpointRequest, context: EndpointContext): Promise<Response> {
  const refusal = postRefusalOf(call.request.headers);
  if (refusal) return refuse(refusal);
  const message = await readMessage(call.request, context.maxRequestBytes);
  if (message instanceof Response) return message;
  const initializing = isRequest(message) && message.method === "initialize";
  if (initializing && !call.request.headers.has("mcp-session-id")) {
    return initialize({ ...call, message }, context).catch((error: unknown) => {
      reportUnexpected(context.logger, error);
      return errorResponse(message.id, context.redact(call.instanceId, error));
    });
  }
  return withSession(call, context, (session) => {
    if (initializing) return refuse("alreadyInitialized");
    if (isRequest(message)) return forwardRequest({ session, actor: call.actor, message }, context);
    return accept(session, message, context);
  });
}

async function readMessage(request: Request, limit: number): Promise<JsonRpcMessage | Response> {
  const body = await readBody(request, limit).catch(() => null);
  if (body === null) return refuse("notAMessage", "The body could not be read to its end.");
  if (body === undefined) return refuse("tooLarge", `The body has more than ${limit} bytes.`);
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return refuse("invalidJson");
  }
  if (Array.isArray(value)) return refuse("batch");
  const excess = exceedsJsonBounds(value);
  if (excess) return refuse("notAMessage", `The message ${excess}.`);
  return asMessage(value) ?? refuse("notAMessage");
}

/** Takes a notification or a reply of a client; the answer is always 202. */
async function accept(
  session: Session,
  message: JsonRpcMessage,
  context: EndpointContext,
): Promise<Response> {
  context.touch(session.instance.id);
  if (!isNotification(message)) session.answer(message);
  else if (message.method === "notifications/cancelled") session.cancel(message.params ?? {});
  else if (message.method === "notifications/progress") session.progress(message);
  else if (session.connection) await session.connection.notify(message);
  else if (!OF_ONE_CLIENT.has(message.method)) {
    await context.pool.current(session.instance.id)?.connection.notify(message);
  }
  return new Response(null, { status: 202 });
}

/** Notifications about one client alone: the server of a shared connection has been told by the proxy, or must not be. */
const OF_ONE_CLIENT = new Set(["notifications/initialized", "notifications/roots/list_changed"]);
