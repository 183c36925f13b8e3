import type { Clock, JsonRpcMessage } from "@moorage/core";
import type { Admission } from "./admission.ts";
import type { UpstreamConnection } from "./connection.ts";
import type { JsonObject } from "./json-rpc.ts";
import type { ConnectionPool, Route } from "./pool.ts";
import { retryNeverSent } from "./retry.ts";
import type { Client } from "./server-requests.ts";

/** One request to an instance, from whomever. */
export interface RoutedRequest {
  readonly instanceId: string;
  readonly message: JsonRpcMessage;
  /** Aborting it cancels the call at the server, too. Its reason ends the request. */
  readonly signal: AbortSignal;
  readonly client?: Client | undefined;
  readonly onProgress?: ((message: JsonRpcMessage) => void) | undefined;
  /** The connection of this client alone; without one the instance's shared connection is taken. */
  readonly dedicated?: UpstreamConnection | undefined;
  /** Called before the request is sent, with the shared connection it goes over. */
  readonly onRoute?: (route: Route) => void;
  readonly onRetry?: () => void;
}

/** A reason to abort a {@link RoutedRequest} with, when the client itself withdrew it; `params` are its own words. */
export interface ClientCancellation {
  readonly cancelledByClient: JsonObject;
}

/** What the router is made of; `touch` is called when a request begins and when it ends. */
export interface RouterOptions {
  readonly pool: ConnectionPool;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly random: () => number;
  readonly touch: (instanceId: string) => void;
}

const MAX_RETRIES = 3;

/** Brings requests to instances and their replies back, within the bounds of each instance. */
export class Router {
  readonly #options: RouterOptions;
  readonly #underWay = new Map<string, number>();
  readonly #idleWaiters = new Set<() => void>();

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** Requests that are under way or wait for their turn. */
  inFlight(instanceId: string): number {
    return this.#underWay.get(instanceId) ?? 0;
  }

  /** The server's reply, which may be a JSON-RPC error. Throws what kept the request from being answered. */
  async request(request: RoutedRequest): Promise<JsonRpcMessage> {
    const { instanceId, signal } = request;
    const { admission, touch } = this.#options;
    this.#count(instanceId, 1);
    touch(instanceId);
    try {
      await admission.enter(instanceId, signal);
      try {
        return await this.#send(request);
      } finally {
        admission.leave(instanceId);
      }
    } finally {
      this.#count(instanceId, -1);
      touch(instanceId);
    }
  }

  /** Settles when nothing is under way. */
  async idle(): Promise<void> {
    if (this.#underWay.size > 0) await new Promise<void>((resolve) => this.#idleWaiters.add(resolve));
  }

  #send(request: RoutedRequest): Promise<JsonRpcMessage> {
    const { dedicated, signal, onRetry } = request;
    const { clock, random, pool } = this.#options;
    if (dedicated) return exchange(dedicated, request);
    const signals = [signal, pool.closing];
    return retryNeverSent({ clock, random, retries: MAX_RETRIES, signals, onRetry }, async () => {
      const route = await pool.shared(request.instanceId, signal);
      request.onRoute?.(route);
      return exchange(route.connection, request);
    });
  }

  #count(instanceId: string, change: 1 | -1): void {
    const count = this.inFlight(instanceId) + change;
    if (count > 0) this.#underWay.set(instanceId, count);
    else this.#underWay.delete(instanceId);
    if (this.#underWay.size > 0) return;
    for (const resolve of this.#idleWaiters) resolve();
    this.#idleWaiters.clear();
  }
}

async function exchange(connection: UpstreamConnection, request: RoutedRequest): Promise<JsonRpcMessage> {
  const { signal, message, client, onProgress } = request;
  signal.throwIfAborted();
  const call = connection.request({ message, client, onProgress });
  const abort = () => call.cancel(signal.reason, wordsOf(signal.reason));
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await call.reply;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** The client's own params of `notifications/cancelled`, where that is what the signal was aborted with. */
export function cancellationOf(reason: unknown): JsonObject | undefined {
  return typeof reason === "object" && reason !== null && "cancelledByClient" in reason
    ? (reason as ClientCancellation).cancelledByClient
    : undefined;
}

function wordsOf(reason: unknown): JsonObject {
  return (
    cancellationOf(reason) ?? { reason: reason instanceof Error ? reason.message : "The caller withdrew." }
  );
}
