import {
  type CallOptions,
  type Clock,
  type LaunchRequest,
  type LogLine,
  type LogQuery,
  PlatformError,
  type Provider,
  type Resource,
  type ResourceStats,
  RUNTIME_TYPES,
  type RuntimeType,
  systemClock,
  type Transport,
} from "@moorage/core";
import { FakeFaults, type FakeProviderCall, type FakeProviderMethod } from "./fake-faults.ts";
import type { FakeProvider, FakeProviderOptions } from "./fake-provider-types.ts";
import { FakeResource, notRunning } from "./fake-resource.ts";
import { FAKE_TOOLS, type FakeTool } from "./fake-tools.ts";
import { MISSING_PROGRAM } from "./fixtures.ts";

class InMemoryProvider implements FakeProvider {
  readonly specificationVersion = "v1";
  readonly runtimes: readonly RuntimeType[];
  readonly locality: Provider["locality"];
  readonly runsCodeOnHost: boolean;
  readonly calls: readonly FakeProviderCall[];
  readonly #clock: Clock;
  readonly #tools: Readonly<Record<string, FakeTool>>;
  readonly #resources = new Map<string, FakeResource>();
  readonly #listeners = new Set<(resource: Resource) => void>();
  readonly #faults: FakeFaults;

  constructor(options: FakeProviderOptions) {
    this.locality = options.locality ?? "host";
    this.runtimes = options.runtimes ?? RUNTIME_TYPES;
    this.runsCodeOnHost = options.runsCodeOnHost ?? false;
    this.#clock = options.clock ?? systemClock;
    this.#faults = new FakeFaults(this.#clock);
    this.calls = this.#faults.calls;
    this.#tools = { ...FAKE_TOOLS, ...options.tools };
  }

  launch(request: LaunchRequest, options: CallOptions = {}): Promise<Resource> {
    return this.#faults.perform({ method: "launch", request }, options, () =>
      this.#launch(request).describe(),
    );
  }

  inspect(resourceId: string, options: CallOptions = {}): Promise<Resource> {
    return this.#faults.perform(
      { method: "inspect", resourceId },
      options,
      () => this.#resources.get(resourceId)?.describe() ?? { id: resourceId, state: "absent" },
    );
  }

  stop(resourceId: string, options: CallOptions = {}): Promise<void> {
    return this.#faults.perform({ method: "stop", resourceId }, options, () =>
      this.#resources.get(resourceId)?.stop(),
    );
  }

  destroy(resourceId: string, options: CallOptions = {}): Promise<void> {
    return this.#faults.perform({ method: "destroy", resourceId }, options, () => this.#destroy(resourceId));
  }

  connect(resourceId: string, options: CallOptions = {}): Promise<Transport> {
    return this.#faults.perform({ method: "connect", resourceId }, options, () =>
      this.#known(resourceId).connect(),
    );
  }

  list(options: CallOptions = {}): Promise<readonly Resource[]> {
    return this.#faults.perform({ method: "list" }, options, () =>
      [...this.#resources.values()].map((resource) => resource.describe()),
    );
  }

  subscribe(listener: (resource: Resource) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async logs(resourceId: string, query: LogQuery = {}): Promise<readonly LogLine[]> {
    const lines = this.#resources.get(resourceId)?.logs ?? [];
    return query.limit === undefined ? [...lines] : lines.slice(Math.max(0, lines.length - query.limit));
  }

  async stats(resourceId: string): Promise<ResourceStats> {
    return this.#known(resourceId).stats();
  }

  async close(): Promise<void> {
    for (const [resourceId, resource] of this.#resources) {
      // What any replica reaches outlives this one; only the connections of this process end.
      if (this.locality === "host") this.#destroy(resourceId);
      else resource.disconnect();
    }
  }

  failNext(method: FakeProviderMethod, error: Error, { effect = false } = {}): void {
    this.#faults.failNext(method, { error, effect });
  }

  delay(method: FakeProviderMethod, delayMs: number): void {
    this.#faults.delay(method, delayMs);
  }

  crash(instanceId: string, message = "Exited with code 1."): void {
    this.#runningOf(instanceId).crash(message);
  }

  orphan(instanceId: string): void {
    this.#runningOf(instanceId).orphan();
  }

  disconnect(instanceId: string): void {
    this.#runningOf(instanceId).disconnect();
  }

  writeLog(instanceId: string, text: string, stream: LogLine["stream"] = "stderr"): void {
    this.#runningOf(instanceId).writeLog(stream, text);
  }

  setStats(instanceId: string, stats: Partial<ResourceStats>): void {
    this.#runningOf(instanceId).statsOverride = stats;
  }

  #launch(request: LaunchRequest): FakeResource {
    const { command, identifier } = request.runtime;
    if (command === MISSING_PROGRAM || identifier === MISSING_PROGRAM) {
      throw new PlatformError(
        "LAUNCH_FAILED",
        `There is no program named "${MISSING_PROGRAM}"; install it first.`,
        {
          details: { instanceId: request.instanceId },
        },
      );
    }
    const onCrash = (ended: Resource) => this.#tell(ended);
    const resource = new FakeResource({ request, tools: this.#tools, clock: this.#clock, onCrash });
    const existing = this.#resources.get(resource.id);
    if (existing !== undefined) return existing;
    this.#resources.set(resource.id, resource);
    return resource;
  }

  #destroy(resourceId: string): void {
    this.#resources.get(resourceId)?.stop();
    this.#resources.delete(resourceId);
  }

  #known(resourceId: string): FakeResource {
    const resource = this.#resources.get(resourceId);
    if (resource === undefined) throw notRunning(resourceId, "absent");
    return resource;
  }

  #runningOf(instanceId: string): FakeResource {
    for (const resource of this.#resources.values()) {
      if (resource.request.instanceId === instanceId && resource.isRunning) return resource;
    }
    throw new PlatformError("NOT_FOUND", `Nothing runs for instance "${instanceId}"; launch it first.`);
  }

  #tell(resource: Resource): void {
    for (const listener of [...this.#listeners]) listener(resource);
  }
}

/** Makes a provider in memory: its servers answer MCP, and everything about it can be made to fail. */
export function fakeProvider(options: FakeProviderOptions = {}): FakeProvider {
  const provider = new InMemoryProvider(options);
  const { price } = options;
  return price === undefined ? provider : Object.assign(provider, { price: () => price });
}
