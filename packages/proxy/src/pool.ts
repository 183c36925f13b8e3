import {
  type CallOptions,
  type Clock,
  type Instance,
  isPlatformError,
  type JsonRpcMessage,
  type Logger,
  PlatformError,
  type Transport,
  type Upstream,
} from "@moorage/core";
import { neverSent } from "./call-errors.ts";
import { UpstreamConnection } from "./connection.ts";
import { handshake, type InitializeResult } from "./handshake.ts";
import type { Client } from "./server-requests.ts";
import { unlessAborted } from "./waiting.ts";

/** An open connection and the instance at its other end. */
export interface Route {
  readonly instance: Instance;
  readonly connection: UpstreamConnection;
  /** What the server answered to `initialize`. */
  readonly initialized: InitializeResult;
}

/** Where instances come from, and where goes what they say. */
export interface PoolOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly acquire: (instanceId: string, options?: CallOptions) => Promise<Upstream>;
  readonly connectTimeoutMs: number;
  /** What a shared connection's server sends unasked. */
  readonly onNotification: (instanceId: string, message: JsonRpcMessage) => void;
}

/** A connection for one client alone. */
export interface DedicatedOptions {
  readonly owner: Client;
  readonly initialize: JsonRpcMessage;
  readonly onNotification: (message: JsonRpcMessage) => void;
  readonly onClose: () => void;
}

type Setup = Partial<Omit<DedicatedOptions, "onClose">> & {
  readonly onOpen: (route: Route) => void;
  readonly onClose: (connection: UpstreamConnection) => void;
};

/** The connections to all instances: one per instance that all callers share, and those that are one client's. */
export class ConnectionPool {
  readonly #options: PoolOptions;
  readonly #shared = new Map<string, Route>();
  readonly #opening = new Map<string, Promise<Route>>();
  readonly #dedicated = new Map<string, Set<UpstreamConnection>>();
  readonly #connecting = new Map<string, Set<AbortController>>();
  readonly #closing = new AbortController();

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Aborted when the pool is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** The shared connection, if it is open now. */
  current(instanceId: string): Route | undefined {
    return this.#shared.get(instanceId);
  }

  /** The shared connection; opened once, and the instance started, whoever asks first. */
  async shared(instanceId: string, signal?: AbortSignal): Promise<Route> {
    const open = this.#shared.get(instanceId);
    if (open) return open;
    const running = this.#opening.get(instanceId);
    if (running) return unlessAborted(running, signal);
    const opening = this.#reopen(instanceId).finally(() => this.#opening.delete(instanceId));
    this.#opening.set(instanceId, opening);
    return unlessAborted(opening, signal);
  }

  /** Opens the shared connection to an instance that was launched just now, in place of the one before. */
  async open(upstream: Upstream, options: CallOptions = {}): Promise<Route> {
    const { instance } = upstream;
    const before = this.#shared.get(instance.id);
    const route = await this.#connect(upstream, options, {
      onNotification: (message) => this.#options.onNotification(instance.id, message),
      onOpen: (opened) => this.#shared.set(instance.id, opened),
      onClose: (connection) => {
        if (this.#shared.get(instance.id)?.connection === connection) this.#shared.delete(instance.id);
      },
    });
    if (before) await this.#close(before.connection);
    return route;
  }

  /** One more connection, for one client alone, opened with that client's own `initialize`. */
  dedicated(upstream: Upstream, setup: DedicatedOptions): Promise<Route> {
    const { id } = upstream.instance;
    const onOpen = ({ connection }: Route) => addTo(this.#dedicated, id, connection);
    const onClose = (connection: UpstreamConnection) => {
      removeFrom(this.#dedicated, id, connection);
      setup.onClose();
    };
    return this.#connect(upstream, {}, { ...setup, onOpen, onClose });
  }

  /** Closes every connection to the instance, and those that are being opened. */
  async release(instanceId: string): Promise<void> {
    for (const controller of this.#connecting.get(instanceId) ?? []) controller.abort(stopped(instanceId));
    const shared = this.#shared.get(instanceId);
    this.#shared.delete(instanceId);
    const connections = [...(shared ? [shared.connection] : []), ...(this.#dedicated.get(instanceId) ?? [])];
    await Promise.all(connections.map((connection) => this.#close(connection)));
  }

  /** Closes all connections for good; whoever waits for one gets `SHUTTING_DOWN`. */
  async close(): Promise<void> {
    this.#closing.abort(
      new PlatformError("SHUTTING_DOWN", "The platform is shutting down and takes no more calls."),
    );
    const ids = new Set([...this.#shared.keys(), ...this.#dedicated.keys(), ...this.#connecting.keys()]);
    await Promise.all([...ids].map((instanceId) => this.release(instanceId)));
  }

  async #reopen(instanceId: string): Promise<Route> {
    const { signal } = this.#closing;
    const upstream = await unlessAborted(this.#options.acquire(instanceId, { signal }), signal);
    // Starting the instance opened the connection already, through `open`.
    return this.#shared.get(instanceId) ?? this.open(upstream);
  }

  async #connect(upstream: Upstream, options: CallOptions, setup: Setup): Promise<Route> {
    this.#closing.signal.throwIfAborted();
    const { id } = upstream.instance;
    const controller = new AbortController();
    const signals = options.signal ? [options.signal, controller.signal] : [controller.signal];
    addTo(this.#connecting, id, controller);
    try {
      return await this.#establish(upstream, setup, AbortSignal.any(signals));
    } finally {
      removeFrom(this.#connecting, id, controller);
    }
  }

  async #establish(upstream: Upstream, setup: Setup, signal: AbortSignal): Promise<Route> {
    const { clock, logger, connectTimeoutMs } = this.#options;
    const transport = await connectTo(upstream, signal);
    const connection = new UpstreamConnection(transport, { clock, logger, ...setup });
    try {
      const { initialize } = setup;
      const timeoutMs = connectTimeoutMs;
      const initialized = await handshake(connection, { clock, timeoutMs, signal, initialize });
      // From here on nothing may wait, so that a release finds the connection either unopened or in its place.
      signal.throwIfAborted();
      if (!connection.isOpen) throw neverSent("The server ended the connection right after initialize.");
      const route = { instance: upstream.instance, connection, initialized };
      setup.onOpen(route);
      return route;
    } catch (error) {
      await this.#close(connection);
      throw error;
    }
  }

  async #close(connection: UpstreamConnection): Promise<void> {
    await connection.close().catch((error: unknown) => {
      this.#options.logger.warn({ error }, "a connection to a server did not close cleanly");
    });
  }
}

function addTo<Key, Value>(index: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const values = index.get(key);
  if (values) values.add(value);
  else index.set(key, new Set([value]));
}

function removeFrom<Key, Value>(index: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const values = index.get(key);
  values?.delete(value);
  if (values?.size === 0) index.delete(key);
}

async function connectTo(upstream: Upstream, signal: AbortSignal): Promise<Transport> {
  const connecting = upstream.connect({ signal }).catch(unreachable);
  try {
    return await unlessAborted(connecting, signal);
  } catch (error) {
    // It may still come, and nobody else would close it.
    void connecting.then((transport) => transport.close()).catch(() => {});
    throw error;
  }
}

function unreachable(error: unknown): never {
  const words = isPlatformError(error) ? ` ${error.message}` : "";
  throw neverSent(`The server cannot be reached.${words}`, error);
}

function stopped(instanceId: string): PlatformError {
  return new PlatformError(
    "UPSTREAM_UNAVAILABLE",
    `Instance "${instanceId}" was stopped while it was connected to.`,
  );
}
