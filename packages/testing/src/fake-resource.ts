import {
  type Clock,
  isoTime,
  type LaunchRequest,
  type LogLine,
  PlatformError,
  type Resource,
  type ResourceState,
  type ResourceStats,
  type Transport,
} from "@moorage/core";
import { type FakeConnection, fakeConnection } from "./fake-connection.ts";
import { type FakeServerOptions, fakeServer } from "./fake-server.ts";
import type { FakeTool } from "./fake-tools.ts";

const MAXIMUM_LOG_LINES = 1000;

/** What a fake resource needs besides its launch request. */
export interface FakeResourceOptions {
  readonly request: LaunchRequest;
  readonly tools: Readonly<Record<string, FakeTool>>;
  readonly clock: Clock;
  /** Called when the resource ends by itself. */
  onCrash(resource: Resource): void;
}

/** One running copy of the fake server with its connections. */
export class FakeResource {
  readonly id: string;
  readonly request: LaunchRequest;
  readonly logs: LogLine[] = [];
  /** Replaces members of what {@link stats} answers. */
  statsOverride: Partial<ResourceStats> = {};
  #state: ResourceState = "running";
  #message: string | undefined;
  readonly #connections = new Set<FakeConnection>();
  readonly #options: FakeResourceOptions;
  readonly #startedAt: number;

  constructor(options: FakeResourceOptions) {
    this.request = options.request;
    this.id = `fake-${options.request.instanceId}-${options.request.generation}`;
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  get isRunning(): boolean {
    return this.#state === "running";
  }

  /** The resource as a provider tells it. */
  describe(): Resource {
    const { instanceId, generation } = this.request;
    const message = this.#message === undefined ? {} : { message: this.#message };
    return { id: this.id, state: this.#state, instanceId, generation, ...message };
  }

  connect(): Transport {
    if (!this.isRunning) throw notRunning(this.id, this.#state);
    const { tools, clock, request } = this.#options;
    const { instanceId } = request;
    const delivered = deliver(request);
    const crash = () => this.crash("The fake server was told to crash.");
    const connection = fakeConnection((send) => {
      const server = fakeServer({ instanceId, ...delivered, tools, clock, crash }, send);
      const ended = () => {
        this.#connections.delete(connection);
        server.ended();
      };
      return { receive: server.receive, ended };
    });
    this.#connections.add(connection);
    return connection.transport;
  }

  /** Ends every connection, but not the resource. */
  disconnect(): void {
    for (const connection of [...this.#connections]) connection.end();
  }

  /** Ends it because somebody asked; does nothing if it ended before. */
  stop(): void {
    if (this.isRunning || this.#state === "orphaned") this.#end("stopped", undefined);
  }

  /** Ends it as if its process had died, and tells. */
  crash(message: string): void {
    if (!this.isRunning) return;
    this.#end("failed", message);
    this.#options.onCrash(this.describe());
  }

  /** Cuts it off as if the host that launched it had died while it runs on. */
  orphan(): void {
    if (this.isRunning) this.#end("orphaned", "The host that launched it is gone.");
  }

  stats(): ResourceStats {
    if (!this.isRunning) throw notRunning(this.id, this.#state);
    const uptimeMs = this.#options.clock.now() - this.#startedAt;
    return { cpuPercent: 0, memoryBytes: 64 * 1024 * 1024, uptimeMs, ...this.statsOverride };
  }

  writeLog(stream: LogLine["stream"], text: string): void {
    this.logs.push({ at: isoTime(this.#options.clock.now()), stream, text });
    if (this.logs.length > MAXIMUM_LOG_LINES) this.logs.shift();
  }

  #end(state: ResourceState, message: string | undefined): void {
    this.#state = state;
    this.#message = message;
    this.disconnect();
  }
}

/** What the server sees of its variables: secrets as files, where the request asks for that. */
function deliver(request: LaunchRequest): Pick<FakeServerOptions, "environment" | "files"> {
  const { environment, secretNames = [], secretDelivery, instanceId, generation } = request;
  if (secretDelivery !== "file") return { environment, files: {} };
  const isSecret = (name: string) => secretNames.includes(name);
  const pathOf = (name: string) => `/run/fake/${instanceId}/${generation}/${name}`;
  const entries = Object.entries(environment);
  return {
    environment: Object.fromEntries(
      entries.map(([name, value]) => (isSecret(name) ? [`${name}_FILE`, pathOf(name)] : [name, value])),
    ),
    files: Object.fromEntries(
      entries.filter(([name]) => isSecret(name)).map(([name, value]) => [pathOf(name), value]),
    ),
  };
}

/** The error for a resource that cannot be reached, whatever the reason. */
export function notRunning(resourceId: string, state: ResourceState): PlatformError {
  const message = `Resource "${resourceId}" is ${state}, so nothing can be sent to it; launch the instance again.`;
  return new PlatformError("UPSTREAM_UNAVAILABLE", message);
}
