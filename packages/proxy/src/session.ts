import type { Instance, JsonRpcMessage } from "@moorage/core";
import type { CallResponse } from "./call-response.ts";
import type { UpstreamConnection } from "./connection.ts";
import { approximateJsonBytes } from "./json-bounds.ts";
import {
  isRequestId,
  type JsonObject,
  notification,
  type RequestId,
  rekeyRequest,
  serialize,
} from "./json-rpc.ts";
import type { Client, ServerRequest } from "./server-requests.ts";
import type { SseWriter } from "./sse-writer.ts";

/** A call of the session's client that is under way. */
export interface SessionCall {
  readonly response: CallResponse;
  /** Withdraws the call at the server, with the client's own words. */
  cancel(params: JsonObject): void;
}

/** What a session is from its beginning; `onEnd` is called once. */
export interface SessionOptions {
  readonly id: string;
  readonly actorId: string;
  readonly instance: Instance;
  readonly now: number;
  readonly onEnd: (session: Session) => void;
}

interface Asked {
  readonly request: ServerRequest;
  readonly send: (message: JsonRpcMessage) => boolean;
}

const MAX_WAITING = 32;
const MAX_WAITING_BYTES = 16 * 1024;

/**
 * The MCP session of one client of an instance. It belongs to the actor who opened it. Messages for the client go
 * onto the response of the call they belong to, and otherwise onto the stream that the client keeps open; until it
 * does, the newest few wait.
 */
export class Session implements Client {
  readonly id: string;
  readonly actorId: string;
  readonly instance: Instance;
  lastUsedAt: number;
  readonly #onEnd: (session: Session) => void;
  readonly #calls = new Map<RequestId, SessionCall>();
  readonly #asked = new Map<number, Asked>();
  readonly #waiting: JsonRpcMessage[] = [];
  #connection: UpstreamConnection | undefined;
  #stream: SseWriter | undefined;
  #nextId = 1;
  #ended = false;

  constructor(options: SessionOptions) {
    this.id = options.id;
    this.actorId = options.actorId;
    this.instance = options.instance;
    this.lastUsedAt = options.now;
    this.#onEnd = options.onEnd;
  }

  /** The connection to the server that is this session's alone, with `isolation: "session"`. */
  get connection(): UpstreamConnection | undefined {
    return this.#connection;
  }

  /** Nothing under way, and no stream open: it may be ended to make room. */
  get isIdle(): boolean {
    return this.#calls.size === 0 && this.#stream === undefined;
  }

  /** Gives the session its own connection; closes it if the session has ended meanwhile. */
  attach(connection: UpstreamConnection): void {
    this.#connection = connection;
    if (this.#ended) void connection.close().catch(() => {});
  }

  /** Notes a call; false if one with this id is under way. */
  begin(id: RequestId, call: SessionCall): boolean {
    if (this.#calls.has(id)) return false;
    this.#calls.set(id, call);
    return true;
  }

  finish(id: RequestId): void {
    this.#calls.delete(id);
  }

  /** Withdraws a call; an id that is not under way is ignored, as it may just have ended. */
  cancel(params: JsonObject): void {
    const { requestId, ...words } = params;
    if (isRequestId(requestId)) this.#calls.get(requestId)?.cancel(words);
  }

  /** Makes `stream` the one that unrelated messages go onto; false if there is one already. */
  openStream(stream: SseWriter): boolean {
    if (this.#stream) return false;
    this.#stream = stream;
    for (const message of this.#waiting.splice(0)) stream.send(serialize(message));
    return true;
  }

  streamClosed(stream: SseWriter): void {
    if (this.#stream === stream) this.#stream = undefined;
  }

  /** Sends something that belongs to no call. A stream whose client does not read is ended. */
  push(message: JsonRpcMessage): boolean {
    if (!this.#stream) return this.#wait(message);
    if (this.#stream.send(serialize(message))) return true;
    this.#stream?.end();
    return false;
  }

  /** Sends something that belongs to what this session does now, where that is one call; else like `push`. */
  tell(message: JsonRpcMessage): void {
    const [only] = this.#calls.values();
    if (only && this.#calls.size === 1) only.response.send(message);
    else this.push(message);
  }

  ask(request: ServerRequest): void {
    const id = this.#nextId++;
    const send = this.#routeFor();
    this.#asked.set(id, { request, send });
    if (send(rekeyRequest(request.message, id))) return;
    this.#asked.delete(id);
    request.refuse("The client that was asked is not listening.");
  }

  withdraw(request: ServerRequest, params: JsonObject): void {
    for (const [id, asked] of this.#asked) {
      if (asked.request !== request) continue;
      this.#asked.delete(id);
      asked.send(notification("notifications/cancelled", { ...params, requestId: id }));
    }
  }

  /** Takes the client's reply to something the server asked; false if nothing was. */
  answer(reply: JsonRpcMessage): boolean {
    const asked = this.#asked.get(reply.id as number);
    this.#asked.delete(reply.id as number);
    asked?.request.answer(reply);
    return asked !== undefined;
  }

  /** Takes the client's progress with something the server asked; false if nothing was. */
  progress(message: JsonRpcMessage): boolean {
    const asked = this.#asked.get(message.params?.progressToken as number);
    asked?.request.progress(message);
    return asked !== undefined;
  }

  keepAlive(): void {
    this.#stream?.keepAlive();
    for (const call of this.#calls.values()) call.response.keepAlive();
  }

  /** Ends the session: its calls are withdrawn, its questions refused, its stream and its connection closed. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const call of this.#calls.values()) call.cancel({ reason: "The session ended." });
    for (const { request } of this.#asked.values())
      request.refuse("The session of the client that was asked has ended.");
    this.#asked.clear();
    this.#stream?.end();
    void this.#connection?.close().catch(() => {});
    this.#onEnd(this);
  }

  #routeFor(): (message: JsonRpcMessage) => boolean {
    const calls = [...this.#calls.values()];
    const newest = calls.at(-1);
    if (newest && (calls.length === 1 || !this.#stream)) return (message) => newest.response.send(message);
    return (message) => this.push(message);
  }

  // Nobody may ever come for these, so that only a little is kept.
  #wait(message: JsonRpcMessage): boolean {
    if (approximateJsonBytes(message) > MAX_WAITING_BYTES) return false;
    this.#waiting.push(message);
    if (this.#waiting.length <= MAX_WAITING) return true;
    const dropped = this.#waiting.shift();
    const asked = this.#asked.get(dropped?.id as number);
    if (!asked) return true;
    this.#asked.delete(dropped?.id as number);
    asked.request.refuse("The client that was asked is not listening.");
    return true;
  }
}
