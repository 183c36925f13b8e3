import type { Actor } from "../access/actor.ts";
import type { Instance } from "../instances/instance.ts";
import type { Part, PartContext } from "./part.ts";
import type { CallOptions } from "./provider.ts";
import type { Transport } from "./transport.ts";

/** A running instance and the way into it, as the platform hands it to the proxy. */
export interface Upstream {
  readonly instance: Instance;
  /** Opens one more MCP connection to it. */
  connect(options?: CallOptions): Promise<Transport>;
}

/** A tool call that is over, as it goes into the call log. Arguments and results are not part of it yet redacted. */
export interface ToolCallRecord {
  readonly id: string;
  readonly ownerId: string;
  readonly actorId: string | null;
  readonly instanceId: string;
  readonly serverId: string | null;
  readonly sessionId: string | null;
  readonly tool: string;
  readonly arguments: unknown;
  readonly result: unknown;
  readonly status: "success" | "failed" | "timeout";
  readonly errorMessage: string | null;
  readonly durationMs: number;
  readonly retries: number;
  readonly createdAt: string;
}

/** What the proxy may ask of the platform. */
export interface ProxyContext extends PartContext {
  /** The instance, started if it sleeps; concurrent callers share one start. */
  acquire(instanceId: string, options?: CallOptions): Promise<Upstream>;
  /** Puts records of ended calls into the log; called with batches. */
  recordToolCalls(records: readonly ToolCallRecord[]): Promise<void>;
  /** The value with every secret that the instance was started with replaced by a mark; for whatever is stored or told. */
  redact<Value>(instanceId: string, value: Value): Value;
  /** Notes that the instance was used now; cheap, written in batches. */
  touch(instanceId: string): void;
  /** Throws `RATE_LIMITED` when the actor has used up the named rule. */
  limitToolCall(actor: Actor | undefined): Promise<void>;
}

/** Who calls: an actor, or nobody, which is the host's own code. */
export interface ProxyCallOptions extends CallOptions {
  readonly actor?: Actor;
  /** Milliseconds until the call is given up and cancelled upstream; 30,000 if left out. */
  readonly timeoutMs?: number;
  readonly sessionId?: string;
  readonly onProgress?: (progress: {
    readonly progress: number;
    readonly total?: number;
    readonly message?: string;
  }) => void;
}

/** A tool, resource or prompt exactly as its server describes it, unknown members included. */
export type McpItem = Readonly<Record<string, unknown>> & { readonly name: string };

export interface ToolCallAnswer {
  readonly callId: string;
  /** `failed`: the tool itself reported an error; that is a result, too. */
  readonly status: "success" | "failed";
  /** The MCP result as the server sent it: `content`, `structuredContent`, `isError`, `_meta`. */
  readonly result: Readonly<Record<string, unknown>>;
  readonly durationMs: number;
  readonly retries: number;
  readonly createdAt: string;
}

export interface McpProxy {
  /** Connects to a launched instance and completes `initialize`: the proof that it is ready. */
  open(upstream: Upstream, options?: CallOptions): Promise<void>;
  /** Drops every connection to the instance; calls in flight end with `UPSTREAM_UNAVAILABLE`. */
  release(instanceId: string): Promise<void>;
  /** MCP `ping` over a connection that is open; throws when it is not answered. */
  ping(instanceId: string, options?: CallOptions): Promise<void>;
  /** How many calls are under way: an instance with any is not idle. */
  inFlight(instanceId: string): number;
  listTools(instanceId: string, options?: ProxyCallOptions): Promise<readonly McpItem[]>;
  listResources(instanceId: string, options?: ProxyCallOptions): Promise<readonly McpItem[]>;
  listPrompts(instanceId: string, options?: ProxyCallOptions): Promise<readonly McpItem[]>;
  callTool(
    call: {
      readonly instanceId: string;
      readonly name: string;
      readonly arguments?: Readonly<Record<string, unknown>>;
    },
    options?: ProxyCallOptions,
  ): Promise<ToolCallAnswer>;
  /** Answers one HTTP request of MCP Streamable HTTP for an instance this actor may call. */
  handle(request: Request, target: { readonly instanceId: string; readonly actor: Actor }): Promise<Response>;
  /** Writes the call records that are still in memory. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Like {@link Part}, with the larger context a proxy needs. */
export interface ProxyPart extends Omit<Part<McpProxy>, "create"> {
  create(context: ProxyContext): McpProxy;
}
