import type { JsonRpcMessage } from "@moorage/core";
import { serialize } from "./json-rpc.ts";
import { SseWriter } from "./sse-writer.ts";

/**
 * The HTTP response to one request of a client. It is JSON when nothing but the reply is sent, and a stream of events
 * from the moment that anything else has to be.
 */
export class CallResponse {
  /** Settles as soon as it is known which of the two it is. */
  readonly response: Promise<Response>;
  #decide: (response: Response) => void = () => {};
  #stream: SseWriter | undefined;
  #over = false;

  constructor() {
    this.response = new Promise((resolve) => {
      this.#decide = resolve;
    });
  }

  /** Sends a message that comes before the reply; false if the client is gone or does not read. */
  send(message: JsonRpcMessage): boolean {
    return !this.#over && this.#open().send(serialize(message));
  }

  /** Sends the reply. Throws, and stays open, if it cannot be written as JSON. */
  finish(message: JsonRpcMessage): void {
    if (this.#over) return;
    const json = serialize(message);
    this.#over = true;
    if (this.#stream) this.#stream.finish(json);
    else this.#decide(response(json));
  }

  /** Ends without a reply, for a call that the client withdrew. */
  end(): void {
    if (this.#over) return;
    this.#open().end();
    this.#over = true;
  }

  /** Shows that the call is still under way. */
  keepAlive(): void {
    if (!this.#over) this.#open().keepAlive();
  }

  #open(): SseWriter {
    if (!this.#stream) {
      this.#stream = new SseWriter();
      this.#decide(this.#stream.response);
    }
    return this.#stream;
  }
}

/** What a JSON response may differ in: 200 and no further headers if left out. */
export interface JsonResponseOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A response whose body is one message. */
export function jsonResponse(message: JsonRpcMessage, init: JsonResponseOptions = {}): Response {
  return response(serialize(message), init);
}

function response(json: string, init: JsonResponseOptions = {}): Response {
  const headers = { "content-type": "application/json", ...init.headers };
  return new Response(json, { status: init.status ?? 200, headers });
}
