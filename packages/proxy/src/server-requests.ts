import type { JsonRpcMessage } from "@moorage/core";
import {
  errorReply,
  type JsonObject,
  progressTokenOf,
  type RequestId,
  RPC_ERRORS,
  type RpcRequest,
  resultReply,
  withParam,
} from "./json-rpc.ts";

/** A server's request on its way to the client that can answer it. */
export interface ServerRequest {
  readonly message: RpcRequest;
  /** Sends the client's answer up, under the server's own id. Only the first one counts. */
  answer(reply: JsonRpcMessage): void;
  /** Answers with an error in the client's stead. */
  refuse(reason: string): void;
  /** Passes the client's progress up, under the server's own token. */
  progress(notification: JsonRpcMessage): void;
}

/** Somebody whom a server may ask: sampling, elicitation, roots. */
export interface Client {
  /** Takes over the request; it must be answered or refused at some time. */
  ask(request: ServerRequest): void;
  /** The server does not want to know any more. */
  withdraw(request: ServerRequest, params: JsonObject): void;
}

/** How the questions of one server find their clients and their answers the server. */
export interface ServerRequestsOptions {
  readonly send: (message: JsonRpcMessage) => void;
  /** The client of each call under way; undefined for callers who cannot be asked. */
  readonly clients: () => Iterable<Client | undefined>;
  /** The only client of this connection, where it has one. */
  readonly owner?: Client;
}

interface Asked {
  readonly client: Client;
  readonly request: ServerRequest;
}

const MAX_OPEN = 256;

/**
 * The requests that one server has put to its clients. A request goes to the one client whose call is under
 * way; where there is none, or more than one, it is refused: it is never guessed whom it was meant for.
 */
export class ServerRequests {
  readonly #options: ServerRequestsOptions;
  readonly #open = new Map<RequestId, Asked>();

  constructor(options: ServerRequestsOptions) {
    this.#options = options;
  }

  /** Hands a request to its client, or answers it itself. */
  take(message: RpcRequest): void {
    if (message.method === "ping") {
      this.#options.send(resultReply(message.id, {}));
      return;
    }
    const client = this.#options.owner ?? onlyOne(this.#options.clients());
    const request = this.#requestFor(message);
    if (client === undefined || this.#open.has(message.id) || this.#open.size >= MAX_OPEN) {
      request.refuse("There is no single client with a call under way that could answer this request.");
      return;
    }
    this.#open.set(message.id, { client, request });
    client.ask(request);
  }

  /** Passes on that the server withdrew a request; says whether there was one. */
  withdraw(params: JsonObject): boolean {
    const id = params.requestId as RequestId;
    const asked = this.#open.get(id);
    if (!asked) return false;
    this.#open.delete(id);
    asked.client.withdraw(asked.request, params);
    return true;
  }

  /** Withdraws everything: the server is gone. */
  end(): void {
    for (const id of [...this.#open.keys()]) this.withdraw({ requestId: id, reason: "The server is gone." });
  }

  #requestFor(message: RpcRequest): ServerRequest {
    const token = progressTokenOf(message);
    let over = false;
    const finish = (reply: JsonRpcMessage) => {
      if (over) return;
      over = true;
      if (this.#open.get(message.id)?.request === request) this.#open.delete(message.id);
      this.#options.send(reply);
    };
    const request: ServerRequest = {
      message,
      answer: (reply) => finish({ ...reply, id: message.id }),
      refuse: (reason) => finish(errorReply(message.id, { code: RPC_ERRORS.internal, message: reason })),
      progress: (notification) => {
        if (token !== undefined && !over) this.#options.send(withParam(notification, "progressToken", token));
      },
    };
    return request;
  }
}

function onlyOne(clients: Iterable<Client | undefined>): Client | undefined {
  let found: Client | undefined;
  let first = true;
  for (const client of clients) {
    if (!first && client !== found) return undefined;
    first = false;
    found = client;
  }
  return found;
}
