import {
  type JsonRpcMessage,
  PlatformError,
  type Provider,
  type Resource,
  type Transport,
} from "@moorage/core";

const TOOL = { name: "time", description: "Tells the time in UTC.", inputSchema: { type: "object" } };

/** What the server answers to each method it knows. */
const ANSWERS: Readonly<Record<string, () => unknown>> = {
  initialize: () => ({
    protocolVersion: "2025-11-25",
    capabilities: { tools: {} },
    serverInfo: { name: "clock", version: "1.0.0" },
  }),
  ping: () => ({}),
  "tools/list": () => ({ tools: [TOOL] }),
  "tools/call": () => ({ content: [{ type: "text", text: new Date().toISOString() }] }),
};

/** An MCP server and the connection to it in one: what is sent is answered at once, in this process. */
function clockTransport(): Transport {
  const transport: Transport = {
    async start() {},
    async send({ id, method }: JsonRpcMessage) {
      if (id === undefined || method === undefined) return;
      const answer = ANSWERS[method];
      const body = answer
        ? { result: answer() }
        : { error: { code: -32601, message: `no method ${method}` } };
      queueMicrotask(() => transport.onmessage?.({ jsonrpc: "2.0", id, ...body }));
    },
    async close() {
      transport.onclose?.();
    },
  };
  return transport;
}

/** Runs the clock server inside the host's process. Its resources are entries of a map. */
export function clockProvider(): Provider {
  const running = new Map<string, Resource>();
  return {
    specificationVersion: "v1",
    runtimes: ["command"],
    locality: "host",
    async launch({ instanceId, generation }) {
      const id = `clock-${instanceId}-${generation}`;
      const resource = running.get(id) ?? { id, state: "running", instanceId, generation };
      running.set(id, resource);
      return resource;
    },
    inspect: async (id) => running.get(id) ?? { id, state: "absent" },
    stop: async (id) => void running.delete(id),
    destroy: async (id) => void running.delete(id),
    list: async () => [...running.values()],
    async connect(id) {
      if (running.has(id)) return clockTransport();
      throw new PlatformError(
        "UPSTREAM_UNAVAILABLE",
        `The clock "${id}" is not running; start its instance.`,
      );
    },
  };
}
