import { PlatformError } from "../errors.ts";
import type { HttpServices } from "./dependencies.ts";
import { type ServiceCall, TestEvents } from "./test-events.ts";
import { ANSWER, AT, COSTS, INSTANCE, SECRET, SERVER, STATS, TOKEN } from "./test-rows.ts";

/** Small services for tests of the HTTP layer: they know `server-1` and `instance-1`, and note every call. */
export interface TestServices extends HttpServices {
  readonly calls: readonly ServiceCall[];
  readonly events: TestEvents;
}

/** Makes an operation that answers with `result`, and with `NOT_FOUND` where its first argument is not `knownId`. */
type MakeOperation = <Result>(
  name: string,
  result: Result,
  knownId?: string,
) => (...args: unknown[]) => Promise<Result>;

const emptyPage = { items: [], nextCursor: null };

export function testServices(): TestServices {
  const calls: ServiceCall[] = [];
  const operation: MakeOperation =
    (name, result, knownId) =>
    async (...args) => {
      calls.push({ operation: name, args });
      if (knownId && args[0] !== knownId) throw unknownId(knownId, String(args[0]));
      return result;
    };
  return {
    calls,
    catalog: testCatalog(operation),
    instances: testInstances(operation),
    tools: { ...testTools(operation), handle: echo(calls) },
    secrets: testSecrets(operation),
    events: new TestEvents(calls),
    usage: { list: operation("usage.list", emptyPage), costs: operation("usage.costs", COSTS) },
    audit: { list: operation("audit.list", emptyPage) },
    stats: operation("stats", STATS),
  };
}

function testCatalog(operation: MakeOperation): HttpServices["catalog"] {
  const server = <Result>(name: string, result: Result) => operation(`catalog.${name}`, result, SERVER.id);
  return {
    register: operation("catalog.register", SERVER),
    list: operation("catalog.list", { items: [SERVER], nextCursor: "next" }),
    import: operation("catalog.import", [SERVER]),
    get: server("get", SERVER),
    update: server("update", SERVER),
    approve: server("approve", SERVER),
    remove: server("remove", undefined),
  };
}

function testInstances(operation: MakeOperation): HttpServices["instances"] {
  const instance = <Result>(name: string, result: Result) =>
    operation(`instances.${name}`, result, INSTANCE.id);
  return {
    create: operation("instances.create", INSTANCE),
    list: operation("instances.list", { items: [INSTANCE], nextCursor: null }),
    get: instance("get", INSTANCE),
    update: instance("update", INSTANCE),
    start: instance("start", INSTANCE),
    stop: instance("stop", INSTANCE),
    restart: instance("restart", INSTANCE),
    restore: instance("restore", INSTANCE),
    touch: instance("touch", INSTANCE),
    remove: instance("remove", undefined),
    logs: instance("logs", [{ at: AT, stream: "stderr", text: "hello" } as const]),
    stats: instance("stats", { cpuPercent: 1, memoryBytes: 2, uptimeMs: 3 }),
    createToken: instance("createToken", { ...TOKEN, token: "moorage_secret" }),
    revokeTokens: instance("revokeTokens", 1),
  };
}

function testSecrets(operation: MakeOperation): HttpServices["secrets"] {
  const usage = { secret: SECRET, grantedTo: ["instance-2"], lastUsedAt: null, instances: ["instance-1"] };
  return {
    put: operation("secrets.put", SECRET),
    list: operation("secrets.list", { items: [SECRET], nextCursor: null }),
    rotate: operation("secrets.rotate", SECRET),
    usage: operation("secrets.usage", usage),
    grant: operation("secrets.grant", undefined),
    revoke: operation("secrets.revoke", undefined),
    remove: operation("secrets.remove", undefined),
    masterKeys: {
      list: operation("secrets.masterKeys.list", []),
      rewrap: operation("secrets.masterKeys.rewrap", { keyId: "k1", rewrapped: 0, remaining: 0, failed: 0 }),
      purge: operation("secrets.masterKeys.purge", undefined),
    },
  };
}

function testTools(operation: MakeOperation): Omit<HttpServices["tools"], "handle"> {
  const tool = <Result>(name: string, result: Result) => operation(`tools.${name}`, result, INSTANCE.id);
  return {
    list: tool("list", [{ name: "echo" }]),
    listResources: tool("listResources", [{ name: "file", uri: "file:///a" }]),
    listPrompts: tool("listPrompts", [{ name: "greet" }]),
    call: tool("call", ANSWER),
    history: operation("tools.history", emptyPage),
  };
}

/** An MCP endpoint that sends back what it is sent. */
function echo(calls: ServiceCall[]): HttpServices["tools"]["handle"] {
  return async (request, target) => {
    calls.push({ operation: "tools.handle", args: [request, target] });
    return new Response(request.body, { headers: { "cache-control": "no-cache", "mcp-session-id": "s1" } });
  };
}

function unknownId(knownId: string, id: string): PlatformError {
  const noun = knownId === "server-1" ? "server definition" : "instance";
  return new PlatformError("NOT_FOUND", `No ${noun} with id "${id}".`);
}
