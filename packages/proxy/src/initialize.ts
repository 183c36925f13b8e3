import type { Actor, CallOptions, JsonRpcMessage, Upstream } from "@moorage/core";
import { jsonResponse } from "./call-response.ts";
import { type RpcRequest, resultReply } from "./json-rpc.ts";
import type { ConnectionPool } from "./pool.ts";
import { negotiate } from "./protocol.ts";
import type { Session } from "./session.ts";
import type { SessionRegistry } from "./session-registry.ts";

/** What opening a session needs of the proxy. */
export interface InitializeContext {
  readonly pool: ConnectionPool;
  readonly sessions: SessionRegistry;
  readonly acquire: (instanceId: string, options?: CallOptions) => Promise<Upstream>;
  readonly touch: (instanceId: string) => void;
  readonly maxDedicatedConnections: number;
}

/** A client's `initialize`, for an instance that its actor may call. */
export interface InitializeRequest {
  readonly instanceId: string;
  readonly actor: Actor;
  readonly message: RpcRequest;
}

/** Answers a client's `initialize` and opens its session. Throws what keeps the instance from being reached. */
export async function initialize(request: InitializeRequest, context: InitializeContext): Promise<Response> {
  const { instanceId, actor, message } = request;
  const upstream = await context.acquire(instanceId);
  context.touch(instanceId);
  const open = upstream.instance.isolation === "session" ? openDedicated : openShared;
  const { session, result } = await open({ upstream, actorId: actor.id, message }, context);
  return jsonResponse(resultReply(message.id, result), { headers: { "mcp-session-id": session.id } });
}

interface Opening {
  readonly upstream: Upstream;
  readonly actorId: string;
  readonly message: RpcRequest;
}

interface Opened {
  readonly session: Session;
  readonly result: unknown;
}

async function openShared(
  { upstream, actorId, message }: Opening,
  context: InitializeContext,
): Promise<Opened> {
  const route = await context.pool.shared(upstream.instance.id);
  const session = context.sessions.create({ instance: upstream.instance, actorId });
  const { initialized } = route;
  const protocolVersion = negotiate(message.params?.protocolVersion, initialized.protocolVersion);
  return { session, result: { ...initialized, protocolVersion } };
}

async function openDedicated(
  { upstream, actorId, message }: Opening,
  context: InitializeContext,
): Promise<Opened> {
  const { instance } = upstream;
  const session = context.sessions.create({
    instance,
    actorId,
    maximumOfInstance: context.maxDedicatedConnections,
  });
  try {
    const route = await context.pool.dedicated(upstream, {
      owner: session,
      initialize: message,
      onNotification: (notified) => relay(session, notified),
      onClose: () => session.end(),
    });
    session.attach(route.connection);
    return { session, result: route.initialized };
  } catch (error) {
    session.end();
    throw error;
  }
}

// What a server says of its lists and resources concerns no call in particular, even while one is under way.
function relay(session: Session, message: JsonRpcMessage): void {
  const unrelated =
    message.method?.endsWith("/list_changed") || message.method === "notifications/resources/updated";
  if (unrelated) session.push(message);
  else session.tell(message);
}
