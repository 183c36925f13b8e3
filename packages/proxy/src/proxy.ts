import { randomBytes } from "node:crypto";
import type { JsonRpcMessage, McpProxy, ProxyContext, ProxyPart } from "@moorage/core";
import { Admission } from "./admission.ts";
import { neverSent } from "./call-errors.ts";
import { CallLog } from "./call-log.ts";
import { type ProxyOptions, type ProxySettings, parseOptions } from "./options.ts";
import { pingServer } from "./ping.ts";
import { ConnectionPool } from "./pool.ts";
import { Router } from "./router.ts";
import { SessionRegistry } from "./session-registry.ts";
import { type EndpointContext, handleStreamableHttp } from "./streamable-http.ts";
import { callTool, type ListKind, listAll, type ToolsContext } from "./tools.ts";

/**
 * The proxy: MCP endpoints for instances, and the tool calls behind `platform.tools`. Throws `INVALID_INPUT` for options
 * that are not valid.
 */
export function proxy(options: ProxyOptions = {}): ProxyPart {
  const settings = parseOptions(options);
  return { name: "proxy", create: (context) => createProxy(context, settings) };
}

type Services = EndpointContext & ToolsContext & Pick<ProxySettings, "pingTimeoutMs">;

function createServices(context: ProxyContext, settings: ProxySettings): Services {
  const { clock, logger, ids } = context;
  const acquire: Services["acquire"] = (instanceId, options) => context.acquire(instanceId, options);
  const touch = (instanceId: string) => context.touch(instanceId);
  const sessions = new SessionRegistry({
    clock,
    newId: () => randomBytes(24).toString("base64url"),
    idleMs: settings.sessionIdleMs,
    keepAliveMs: settings.keepAliveMs,
    maximum: settings.maxSessions,
    maximumPerActor: settings.maxSessionsPerActor,
  });
  const pool = new ConnectionPool({
    ...{ clock, logger, acquire, connectTimeoutMs: settings.connectTimeoutMs },
    onNotification: (instanceId, message) => broadcast(sessions, instanceId, message),
  });
  const { concurrencyPerInstance: concurrency, queuePerInstance: queue } = settings;
  const router = new Router({
    pool,
    admission: new Admission({ concurrency, queue }),
    clock,
    random: Math.random,
    touch,
  });
  const redact: Services["redact"] = (instanceId, value) => context.redact(instanceId, value);
  const log = new CallLog({ clock, logger, redact, write: (records) => context.recordToolCalls(records) });
  const checks = { allowedOrigins: settings.allowedOrigins, allowedHosts: settings.allowedHosts };
  const limitToolCall: Services["limitToolCall"] = (actor) => context.limitToolCall(actor);
  return {
    ...settings,
    clock,
    ids,
    logger,
    sessions,
    pool,
    router,
    log,
    checks,
    acquire,
    touch,
    redact,
    limitToolCall,
  };
}

function broadcast(sessions: SessionRegistry, instanceId: string, message: JsonRpcMessage): void {
  for (const session of sessions.of(instanceId)) if (!session.connection) session.push(message);
}

function createProxy(context: ProxyContext, settings: ProxySettings): McpProxy {
  const services = createServices(context, settings);
  const { pool, router, log } = services;
  let closing: Promise<void> | undefined;
  return {
    async open(upstream, options) {
      await pool.open(upstream, options);
    },
    release: (instanceId) => pool.release(instanceId),
    ping: (instanceId, options) => ping(instanceId, services, options?.signal),
    inFlight: (instanceId) => router.inFlight(instanceId),
    listTools: lister("tools", services),
    listResources: lister("resources", services),
    listPrompts: lister("prompts", services),
    async callTool(call, options = {}) {
      pool.closing.throwIfAborted();
      return callTool(call, options, services).catch(tellerOf(call.instanceId, services));
    },
    handle: (request, { instanceId, actor }) =>
      handleStreamableHttp({ request, instanceId, actor }, services),
    flush: () => log.flush(),
    close() {
      closing ??= closeAll(services);
      return closing;
    },
  };
}

function lister(kind: ListKind, services: Services): McpProxy["listTools"] {
  return async (instanceId, options = {}) => {
    services.pool.closing.throwIfAborted();
    return listAll({ instanceId, kind }, options, services).catch(tellerOf(instanceId, services));
  };
}

/** Passes an error on without the instance's secrets: unlike a result, it is written down and shown to others. */
function tellerOf(instanceId: string, { redact }: Services): (error: unknown) => never {
  return (error) => {
    throw redact(instanceId, error);
  };
}

async function ping(instanceId: string, services: Services, signal?: AbortSignal): Promise<void> {
  const { pool, clock, pingTimeoutMs: timeoutMs } = services;
  const route = pool.current(instanceId);
  if (!route) throw neverSent(`Instance "${instanceId}" has no open connection to ping.`);
  await pingServer(route.connection, { clock, timeoutMs, signal });
}

async function closeAll({ pool, router, sessions, log }: Services): Promise<void> {
  await pool.close();
  await router.idle();
  sessions.close();
  await log.flush();
}
