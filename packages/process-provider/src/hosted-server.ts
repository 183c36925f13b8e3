import {
  isPlatformError,
  type LaunchRequest,
  type LogLine,
  PlatformError,
  type Resource,
  type ResourceState,
  type ResourceStats,
  type Transport,
} from "@moorage/core";
import { formatResourceId } from "./identity.ts";
import { InstanceLogs } from "./logs.ts";
import type { DeliveredSecrets } from "./secret-files.ts";
import { ServerChild } from "./server-child.ts";
import { bootIdOf, type ServerHost, startProcess } from "./server-host.ts";
import { type CpuSample, measure } from "./stats.ts";

const FAILURE_LOG_LINES = 50;

/**
 * One resource: the processes of one instance and generation. `launch` starts one process, and the first
 * connection is that one's; every further connection gets a process of its own. The end of a connection is the
 * end of its process, and the resource goes on without any until the next one. When the last process ends
 * unasked, the resource has failed, and its listener is told.
 */
export class HostedServer {
  readonly request: LaunchRequest;
  readonly #host: ServerHost;
  readonly #onFailure: (resource: Resource) => void;
  readonly #logs: InstanceLogs;
  readonly #children = new Set<ServerChild>();
  readonly #spawns = new Set<Promise<ServerChild>>();
  #secrets: Promise<DeliveredSecrets> | undefined;
  #id = "";
  #state: ResourceState = "starting";
  #message: string | undefined;
  #startedAt = 0;
  #stopping: Promise<void> | undefined;
  #sample: CpuSample | undefined;

  constructor(request: LaunchRequest, host: ServerHost, onFailure: (resource: Resource) => void) {
    this.request = request;
    this.#host = host;
    this.#onFailure = onFailure;
    this.#logs = new InstanceLogs({
      clock: host.settings.clock,
      maxBytes: host.settings.logBytes,
      secrets: secretsOf(request),
    });
  }

  /** Empty until the first process was started. */
  get id(): string {
    return this.#id;
  }

  /** Whether it has a process, or would start one for the next connection. */
  get isRunning(): boolean {
    return this.#state === "running";
  }

  describe(): Resource {
    const { instanceId, generation } = this.request;
    const running = this.#runningChildren();
    const hasFailed = this.#state === "failed";
    return {
      id: this.#id,
      state: this.#state,
      instanceId,
      generation,
      details: { pid: running[0]?.server.pid ?? null, processes: running.length },
      ...(this.#message === undefined ? {} : { message: this.#message }),
      ...(hasFailed ? { logs: this.logs(FAILURE_LOG_LINES).map(({ text }) => text) } : {}),
    };
  }

  /** Starts its process, again if it has ended. Does nothing while it runs; waits for a stop under way. */
  async start(): Promise<void> {
    await this.#stopping?.catch(() => {});
    if (this.#state === "running") return;
    this.#state = "starting";
    const child = await this.#spawn().catch(async (error: unknown) => {
      this.#state = "failed";
      this.#message = isPlatformError(error) ? error.message : "It could not be started.";
      await this.#removeSecrets();
      throw error;
    });
    const { pid, startTicks } = child.server;
    const { generation, instanceId } = this.request;
    this.#id ||= formatResourceId({ bootId: bootIdOf(this.#host), pid, startTicks, generation, instanceId });
    if (this.#stopping) this.#requireRunning();
    this.#state = "running";
    this.#message = undefined;
    this.#startedAt = this.#host.settings.clock.now();
  }

  /** A connection: that of the process which waits for one, or of a new process. */
  async connect(): Promise<Transport> {
    this.#requireRunning();
    for (const child of this.#children) {
      if (!child.isTaken && !child.isEnding && !child.server.exit) return child.take();
    }
    const { maxConnections } = this.#host.settings;
    if (this.#children.size + this.#spawns.size >= maxConnections) {
      throw new PlatformError(
        "LIMIT_EXCEEDED",
        `Instance "${this.request.instanceId}" has ${maxConnections} connections; close some, or raise "maxConnections".`,
        { details: { limit: "maxConnections", maximum: maxConnections } },
      );
    }
    const child = await this.#spawn();
    this.#requireRunning();
    return child.take();
  }

  /** Ends all of its processes. Concurrent calls share the first one's stages. */
  stop(graceMs: number): Promise<void> {
    this.#stopping ??= this.#endChildren(graceMs)
      .finally(() => this.#removeSecrets())
      .then(() => {
        if (this.#state !== "failed") this.#state = "stopped";
      })
      .finally(() => {
        this.#stopping = undefined;
      });
    return this.#stopping;
  }

  logs(limit: number): readonly LogLine[] {
    for (const child of this.#children) child.flushLogs();
    return this.#logs.tail(limit);
  }

  /** What all of its processes together use. Throws `UPSTREAM_UNAVAILABLE` if it does not run. */
  async stats(): Promise<ResourceStats> {
    this.#requireRunning();
    const children = this.#runningChildren();
    const entries = (await Promise.all(children.map((child) => child.members()))).flat();
    const now = this.#host.settings.clock.now();
    const pid = children[0]?.server.pid;
    const { stats, sample } = measure({
      entries,
      now,
      startedAt: this.#startedAt,
      previous: this.#sample,
      table: this.#host.table,
    });
    this.#sample = sample;
    return pid === undefined ? stats : { ...stats, pid };
  }

  async #endChildren(graceMs: number): Promise<void> {
    while (this.#children.size > 0 || this.#spawns.size > 0) {
      await Promise.allSettled(this.#spawns);
      const children = [...this.#children];
      const results = await Promise.allSettled(children.map((child) => child.end(graceMs)));
      for (const result of results) if (result.status === "rejected") throw result.reason;
      await Promise.all(children.map((child) => child.settled));
    }
  }

  async #spawn(): Promise<ServerChild> {
    const spawning = this.#startChild();
    this.#spawns.add(spawning);
    try {
      return await spawning;
    } finally {
      this.#spawns.delete(spawning);
    }
  }

  async #startChild(): Promise<ServerChild> {
    const { environment } = await this.#deliverSecrets();
    const { server, tags } = await startProcess({ ...this.request, environment }, this.#host);
    const { clock, maxLineBytes, stopGraceMs } = this.#host.settings;
    const { table } = this.#host;
    const logs = this.#logs;
    const child = new ServerChild({ server, tags, clock, maxLineBytes, stopGraceMs, logs, table });
    this.#children.add(child);
    this.#watch(child);
    return child;
  }

  /** All processes of the resource share the files, which are there as long as it is. */
  async #deliverSecrets(): Promise<DeliveredSecrets> {
    this.#secrets ??= this.#host.secretFiles.deliver(this.request);
    const delivering = this.#secrets;
    return delivering.catch((error: unknown) => {
      if (this.#secrets === delivering) this.#secrets = undefined;
      throw error;
    });
  }

  async #removeSecrets(): Promise<void> {
    const secrets = this.#secrets;
    // A start that comes while these are removed gets files of its own.
    this.#secrets = undefined;
    await (await secrets)?.remove();
  }

  #watch(child: ServerChild): void {
    let isLast = false;
    void child.server.exited.then(() => {
      const isAlone = this.#runningChildren().length === 0 && this.#spawns.size === 0;
      if (!child.hasFailed || this.#stopping || !isAlone) return;
      isLast = true;
      this.#state = "failed";
      this.#message = sentence(child.describeEnd());
      // What is left is found by the next sweep, once this host is gone.
      this.#removeSecrets().catch(() => {});
    });
    void child.ended.then(() => {
      if (isLast && this.#state === "failed") this.#onFailure(this.describe());
    });
    void child.settled.then(() => this.#children.delete(child));
  }

  #runningChildren(): ServerChild[] {
    return [...this.#children].filter((child) => !child.server.exit);
  }

  #requireRunning(): void {
    if (this.#state === "running" && !this.#stopping) return;
    const why = this.#message ? ` (${this.#message})` : "";
    throw new PlatformError(
      "UPSTREAM_UNAVAILABLE",
      `Instance "${this.request.instanceId}" has no process: it is ${this.#stopping ? "stopping" : this.#state}${why}; start it first.`,
    );
  }
}

/** What its output is scrubbed of: every variable where nobody said which of them are secrets. */
function secretsOf({ environment, secretNames }: LaunchRequest): readonly string[] {
  return (secretNames ?? Object.keys(environment)).flatMap((name) => environment[name] ?? []);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
