import { type LaunchRequest, PlatformError, type Resource } from "@moorage/core";
import { HostedServer } from "./hosted-server.ts";
import { parseResourceId } from "./identity.ts";
import { endForeign, endOrphansOf, hasProcesses, listOrphans } from "./reaper.ts";
import type { ServerHost } from "./server-host.ts";
import { createTurns } from "./turns.ts";

type Listener = (resource: Resource) => void;

/** All resources that one provider launched: one for each instance, that of its newest generation. */
export class Fleet {
  readonly #host: ServerHost;
  readonly #servers = new Map<string, HostedServer>();
  readonly #listeners = new Set<Listener>();
  readonly #turns = createTurns();
  #closing: Promise<void> | undefined;

  constructor(host: ServerHost) {
    this.#host = host;
  }

  /** The resource of that id, if it was launched here and not destroyed or replaced since. */
  find(id: string): HostedServer | undefined {
    const server = this.#servers.get(parseResourceId(id)?.instanceId ?? "");
    return server?.id === id ? server : undefined;
  }

  /** Makes the resource of the request, or returns the one there is; launches of one instance take turns. */
  launch(request: LaunchRequest): Promise<Resource> {
    return this.#turns.take(request.instanceId, async () => {
      this.#requireOpen();
      const server = this.#servers.get(request.instanceId) ?? (await this.#replace(request));
      const current = server.request.generation;
      if (current > request.generation) throw superseded(request, current);
      const wanted = current === request.generation ? server : await this.#replace(request, server);
      await this.#start(wanted);
      return wanted.describe();
    });
  }

  async stop(id: string, graceMs: number): Promise<void> {
    const server = this.find(id);
    if (server) return server.stop(graceMs);
    await this.#endForeign(id, graceMs);
  }

  async destroy(id: string): Promise<void> {
    const instanceId = parseResourceId(id)?.instanceId;
    if (instanceId === undefined) return;
    await this.#turns.take(instanceId, async () => {
      const { folders, settings, table } = this.#host;
      const server = this.find(id);
      if (server) {
        await server.stop(settings.stopGraceMs);
        this.#servers.delete(instanceId);
      } else {
        await this.#endForeign(id, settings.stopGraceMs);
      }
      // The folder is the instance's: a newer generation may be at work in it.
      if (this.#servers.has(instanceId) || (await hasProcesses(instanceId, table))) return;
      await folders.remove(instanceId);
    });
  }

  async list(): Promise<Resource[]> {
    const own = [...this.#servers.values()].filter(({ isRunning }) => isRunning);
    const { table, folders, secretFiles } = this.#host;
    await secretFiles.sweep();
    return [...own.map((server) => server.describe()), ...(await listOrphans(table, folders.stateTag))];
  }

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Ends everything that was launched here, all at once. Working folders stay. */
  close(): Promise<void> {
    this.#closing ??= this.#endAll();
    return this.#closing;
  }

  async #endAll(): Promise<void> {
    await this.#turns.idle();
    const { stopGraceMs } = this.#host.settings;
    const stops = [...this.#servers.values()].map((server) => server.stop(stopGraceMs));
    const results = await Promise.allSettled(stops);
    this.#servers.clear();
    this.#listeners.clear();
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  /** A resource that is not started yet, when nothing is left of earlier generations or of earlier hosts. */
  async #replace(request: LaunchRequest, older?: HostedServer): Promise<HostedServer> {
    const { settings, table, secretFiles } = this.#host;
    const { clock, stopGraceMs } = settings;
    await older?.stop(stopGraceMs);
    await endOrphansOf(request.instanceId, { table, clock }, stopGraceMs);
    await secretFiles.sweep();
    const server = new HostedServer(request, this.#host, (resource) => this.#tell(resource));
    this.#servers.set(request.instanceId, server);
    return server;
  }

  async #start(server: HostedServer): Promise<void> {
    try {
      await server.start();
    } catch (error) {
      // What never ran has no id by which anybody could ask for it.
      if (server.id === "") this.#servers.delete(server.request.instanceId);
      throw error;
    }
  }

  async #endForeign(id: string, graceMs: number): Promise<void> {
    const { settings, table, secretFiles } = this.#host;
    const identity = parseResourceId(id);
    if (!identity) return;
    await endForeign(identity, { table, clock: settings.clock }, graceMs);
    await secretFiles.sweep();
  }

  #requireOpen(): void {
    if (!this.#closing) return;
    throw new PlatformError(
      "SHUTTING_DOWN",
      "The process provider is closed; make a new one to launch servers.",
    );
  }

  #tell(resource: Resource): void {
    for (const listener of this.#listeners) {
      try {
        listener(resource);
      } catch {
        // A listener's failure is its own; the others are told all the same.
      }
    }
  }
}

function superseded({ instanceId, generation }: LaunchRequest, current: number): PlatformError {
  return new PlatformError(
    "CONFLICT",
    `Generation ${generation} of instance "${instanceId}" was replaced by generation ${current}; launch a newer one.`,
  );
}
