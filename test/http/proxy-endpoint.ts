import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import {
  type Actor,
  type Instance,
  type Isolation,
  type McpProxy,
  PlatformError,
  type ProxyContext,
  silentLogger,
  systemClock,
  type ToolCallRecord,
  type Transport,
  uuidV7,
} from "@moorage/core";
import { type ProxyOptions, proxy } from "@moorage/proxy";

/** What stands behind one instance of the endpoint: each call opens one more connection to its server. */
export type Connect = () => Promise<Transport>;

export interface EndpointOptions {
  readonly connect: Connect;
  readonly isolation?: Isolation;
  readonly proxy?: ProxyOptions;
  /** Who sends a request; by default the bearer tokens `alice-token` and `bob-token` are known. */
  readonly authenticate?: (request: Request) => Actor | undefined;
  /** Calls of tools until `RATE_LIMITED`; unlimited if left out. */
  readonly toolCallLimit?: number;
}

/** A proxy with one instance named `one`, behind a real HTTP server on a free port of 127.0.0.1. */
export interface ProxyEndpoint {
  readonly url: URL;
  readonly proxy: McpProxy;
  readonly records: ToolCallRecord[];
  readonly acquired: () => number;
  close(): Promise<void>;
}

const USERS: Readonly<Record<string, Actor>> = {
  "Bearer alice-token": { id: "alice" },
  "Bearer bob-token": { id: "bob" },
};

function bearer(request: Request): Actor | undefined {
  return USERS[request.headers.get("authorization") ?? ""];
}

/** Starts it. Requests carry `Authorization: Bearer alice-token` or `bob-token`. */
export async function startProxyEndpoint(options: EndpointOptions): Promise<ProxyEndpoint> {
  const records: ToolCallRecord[] = [];
  const counts = { acquired: 0, calls: 0 };
  const context = contextFor(options, records, counts);
  const service = proxy(options.proxy).create(context);
  const authenticate = options.authenticate ?? bearer;
  const listener = getRequestListener(async (request) => {
    const actor = authenticate(request);
    if (!actor) return new Response(null, { status: 401 });
    return service.handle(request, { instanceId: "one", actor });
  });
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/mcp`),
    proxy: service,
    records,
    acquired: () => counts.acquired,
    async close() {
      await service.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function contextFor(
  options: EndpointOptions,
  records: ToolCallRecord[],
  counts: { acquired: number; calls: number },
): ProxyContext {
  const instance = {
    id: "one",
    ownerId: "alice",
    serverId: "server",
    isolation: options.isolation ?? "shared",
  } as Instance;
  const unused = { database: undefined, events: undefined, leases: undefined } as unknown as Pick<
    ProxyContext,
    "database" | "events" | "leases"
  >;
  return {
    ...unused,
    clock: systemClock,
    ids: uuidV7,
    logger: silentLogger,
    audit: { record: async () => {} },
    hostId: "host",
    acquire: async () => {
      counts.acquired += 1;
      return { instance, connect: options.connect };
    },
    recordToolCalls: async (batch) => {
      records.push(...batch);
    },
    redact: (_, value) => value,
    touch() {},
    limitToolCall: async () => {
      counts.calls += 1;
      if (counts.calls <= (options.toolCallLimit ?? Number.POSITIVE_INFINITY)) return;
      throw new PlatformError("RATE_LIMITED", "Too many tool calls.", {
        details: { rule: "toolCall", retryAfterMs: 1_000 },
      });
    },
  };
}
