import { type Clock, isPlatformError, type JsonRpcMessage, type Logger, type Transport } from "@moorage/core";
import { connectionLost, connectionReleased, neverSent } from "./call-errors.ts";
import {
  isNotification,
  isReply,
  isRequest,
  type JsonObject,
  notification,
  progressTokenOf,
  type RequestId,
  rekeyRequest,
  withParam,
} from "./json-rpc.ts";
import { type Client, ServerRequests } from "./server-requests.ts";

/** One request to a server. */
export interface OutgoingRequest {
  /** As the caller sent it; its id and its progress token are replaced on the way. */
  readonly message: JsonRpcMessage;
  /** Who may be asked by the server while this call is under way; absent: nobody. */
  readonly client?: Client | undefined;
  /** Progress of this call, under the caller's own token. */
  readonly onProgress?: ((message: JsonRpcMessage) => void) | undefined;
  /** Made by the proxy on its own account: no caller stands behind it. */
  readonly internal?: boolean;
}

/** A request that has been sent and waits for its reply. */
export interface PendingCall {
  /** The server's reply, still under the id that the proxy gave the request. */
  readonly reply: Promise<JsonRpcMessage>;
  /** Tells the server, frees the slot, and ends `reply` with `reason`. */
  cancel(reason: unknown, params?: JsonObject): void;
}

/** What a connection needs besides its transport. */
export interface ConnectionOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The only client of this connection, where it is not shared. */
  readonly owner?: Client;
  /** What the server sends unasked, except progress and withdrawals. */
  readonly onNotification?: (message: JsonRpcMessage) => void;
  /** Called once, however the connection ends. */
  readonly onClose?: (connection: UpstreamConnection) => void;
}

interface Pending {
  readonly request: OutgoingRequest;
  readonly token: RequestId | undefined;
  resolve(reply: JsonRpcMessage): void;
  reject(reason: unknown): void;
}

interface CancelledCall {
  readonly client: Client | undefined;
  readonly until: number;
}

const MAX_PENDING = 4_096;
const MAX_CANCELLED = 1_024;
const CANCELLED_LINGER_MS = 30_000;

/**
 * One connection to a server, whoever its callers are. Every request gets an id of its own here, which is its
 * progress token, too, so that no two callers can ever receive each other's replies.
 */
export class UpstreamConnection {
  readonly #transport: Transport;
  readonly #options: ConnectionOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #cancelled = new Map<number, CancelledCall>();
  readonly #serverRequests: ServerRequests;
  #nextId = 1;
  #dropped = 0;
  #closed = false;
  #closing: Promise<void> | undefined;
  #lastError: unknown;

  constructor(transport: Transport, options: ConnectionOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#serverRequests = new ServerRequests({
      send: (message) => void this.#transport.send(message).catch((error) => this.#note(error)),
      clients: () => this.#clientsUnderWay(),
      ...(options.owner ? { owner: options.owner } : {}),
    });
    transport.onmessage = (message) => this.#receive(message);
    transport.onerror = (error) => this.#note(error);
    transport.onclose = () => this.#end(connectionLost(this.#lastError));
  }

  get isOpen(): boolean {
    return !this.#closed;
  }

  /** How many messages of the server belonged to nothing and nobody. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Calls that wait for a reply. */
  get pending(): number {
    return this.#pending.size;
  }

  async start(): Promise<void> {
    await this.#transport.start();
  }

  /** Tells the transport what `initialize` agreed on, for the transports that send it along. */
  negotiated(protocolVersion: string): void {
    this.#transport.setProtocolVersion?.(protocolVersion);
  }

  /** Sends a request. The reply fails with outcome `never_sent` or `unknown`, see `CallOutcome`. */
  request(request: OutgoingRequest): PendingCall {
    if (this.#closed) throw neverSent("The connection to the server is closed.", this.#lastError);
    if (this.#pending.size >= MAX_PENDING) {
      throw neverSent(`The server has ${MAX_PENDING} unanswered requests; wait for some of them.`);
    }
    const id = this.#nextId++;
    const reply = new Promise<JsonRpcMessage>((resolve, reject) => {
      this.#pending.set(id, { request, token: progressTokenOf(request.message), resolve, reject });
    });
    this.#transport.send(rekeyRequest(request.message, id)).catch((error: unknown) => {
      this.#take(id)?.reject(
        isPlatformError(error, "FRAME_TOO_LARGE")
          ? error
          : neverSent("The request could not be handed to the server.", error),
      );
    });
    return { reply, cancel: (reason, params) => this.#cancel(id, reason, params) };
  }

  /** Sends a notification as it is; a connection that has ended drops it. */
  async notify(message: JsonRpcMessage): Promise<void> {
    if (!this.#closed) await this.#transport.send(message).catch((error) => this.#note(error));
  }

  /** Ends the connection; calls under way fail with `UPSTREAM_UNAVAILABLE`. */
  close(): Promise<void> {
    this.#end(connectionReleased());
    this.#closing ??= this.#transport.close();
    return this.#closing;
  }

  #receive(message: JsonRpcMessage): void {
    if (isReply(message)) this.#settle(message);
    else if (isRequest(message)) this.#serverRequests.take(message);
    else if (isNotification(message)) this.#notified(message);
    else this.#drop(message);
  }

  #settle(message: JsonRpcMessage): void {
    const id = message.id as number;
    const pending = this.#take(id);
    if (pending) pending.resolve(message);
    else if (!this.#cancelled.delete(id)) this.#drop(message);
  }

  #notified(message: JsonRpcMessage): void {
    const params = message.params ?? {};
    if (message.method === "notifications/progress") this.#progressed(message, params);
    else if (message.method !== "notifications/cancelled") this.#options.onNotification?.(message);
    else if (!this.#serverRequests.withdraw(params)) this.#drop(message);
  }

  #progressed(message: JsonRpcMessage, params: JsonObject): void {
    const pending = this.#pending.get(params.progressToken as number);
    if (pending?.token === undefined) this.#drop(message);
    else pending.request.onProgress?.(withParam(message, "progressToken", pending.token));
  }

  #cancel(id: number, reason: unknown, params?: JsonObject): void {
    const pending = this.#take(id);
    if (!pending) return;
    this.#remember(id, pending);
    pending.reject(reason);
    void this.notify(notification("notifications/cancelled", { ...params, requestId: id }));
  }

  // A server may still be at work on a call that was cancelled, and ask back for it: until it is surely over, the
  // question must not be taken for one that belongs to somebody else's call.
  #remember(id: number, pending: Pending): void {
    const until = this.#options.clock.now() + CANCELLED_LINGER_MS;
    this.#cancelled.set(id, { client: pending.request.client, until });
    const [oldest] = this.#cancelled.keys();
    if (this.#cancelled.size > MAX_CANCELLED && oldest !== undefined) this.#cancelled.delete(oldest);
  }

  *#clientsUnderWay(): Iterable<Client | undefined> {
    for (const { request } of this.#pending.values()) if (!request.internal) yield request.client;
    const now = this.#options.clock.now();
    for (const [id, { client, until }] of this.#cancelled) {
      if (until > now) yield client;
      else this.#cancelled.delete(id);
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #drop(message: JsonRpcMessage): void {
    this.#dropped += 1;
    const { method } = message;
    this.#options.logger.debug(
      { method, dropped: this.#dropped },
      "a message of the server belongs to no call",
    );
  }

  #note(error: unknown): void {
    this.#lastError = error;
    this.#options.logger.debug({ error }, "the connection to a server reported an error");
  }

  #end(reason: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const pending of this.#pending.values()) pending.reject(reason);
    this.#pending.clear();
    this.#cancelled.clear();
    this.#serverRequests.end();
    this.#options.onClose?.(this);
  }
}
