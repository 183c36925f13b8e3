/** Beyond this much unread text a stream takes nothing more except the reply it was opened for. */
const MAX_UNREAD_BYTES = 256 * 1024;

const HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
} as const;

const encoder = new TextEncoder();

/** One stream of server-sent events to a client, as the body of a response. */
export class SseWriter {
  readonly response: Response;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  readonly #onClose: () => void;

  /** `onClose` is called once, also when the client goes away. */
  constructor(
    options: { readonly headers?: Readonly<Record<string, string>>; readonly onClose?: () => void } = {},
  ) {
    this.#onClose = options.onClose ?? (() => {});
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        cancel: () => this.#closed(),
      },
      { highWaterMark: MAX_UNREAD_BYTES, size: (chunk) => chunk?.byteLength ?? 0 },
    );
    this.response = new Response(body, { status: 200, headers: { ...HEADERS, ...options.headers } });
  }

  get isOpen(): boolean {
    return this.#controller !== undefined;
  }

  /** Sends a message, as JSON text; false if the client is gone or does not read. */
  send(json: string): boolean {
    return this.#hasRoom() && this.#write(event(json));
  }

  /** Sends the reply that the stream was opened for, and ends it. */
  finish(json: string): void {
    this.#write(event(json));
    this.end();
  }

  /** Sends a comment, which clients ignore: a sign of life that keeps the connection open. */
  keepAlive(): void {
    if (this.#hasRoom()) this.#write(": \n\n");
  }

  end(): void {
    this.#controller?.close();
    this.#closed();
  }

  #hasRoom(): boolean {
    return (this.#controller?.desiredSize ?? 0) > 0;
  }

  #write(text: string): boolean {
    this.#controller?.enqueue(encoder.encode(text));
    return this.isOpen;
  }

  #closed(): void {
    if (!this.#controller) return;
    this.#controller = undefined;
    this.#onClose();
  }
}

// JSON text has no line breaks of its own, so that one data line holds it.
function event(json: string): string {
  return `event: message\ndata: ${json}\n\n`;
}
