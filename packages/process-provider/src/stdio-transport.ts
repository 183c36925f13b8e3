import { type Clock, type JsonRpcMessage, PlatformError, type Transport } from "@moorage/core";
import { LineSplitter } from "./line-splitter.ts";
import type { ServerProcess } from "./spawn.ts";

const MAX_QUEUED_BYTES = 16 * 1024 * 1024;
const MAX_NOISE_LINES = 1_000;
const NOISE_PAUSE_MS = 100;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
/** JSON allows them in texts, but some readers of lines, Node's readline among them, end a line there. */
const EXTRA_LINE_ENDS = /[\u2028\u2029]/g;

export interface StdioTransportOptions {
  readonly server: ServerProcess;
  readonly clock: Clock;
  /** Bytes of one message from the server. */
  readonly maxLineBytes: number;
  /** A line of its output that is no message. */
  readonly onNoise: (line: Buffer) => void;
  /** It sent a line that is too long: it must be killed now. */
  readonly onFrameTooLarge: (error: PlatformError) => void;
  /** Resolves when the process has ended and its output was read. */
  readonly ended: Promise<unknown>;
  /** Ends the process, with all stages of a stop. */
  readonly end: () => Promise<void>;
  /** Why it ended, for the errors of calls that come too late. */
  readonly reason: () => string;
}

/**
 * MCP over the pipes of one process: a JSON-RPC message per line. The connection is the process: closing one
 * ends the other, because a server cannot be initialised a second time.
 */
export class StdioTransport implements Transport {
  onmessage?: (message: JsonRpcMessage) => void;
  onerror?: (error: Error) => void;
  onclose?: () => void;
  readonly #options: StdioTransportOptions;
  readonly #splitter: LineSplitter;
  readonly #pending = new Set<(error: Error) => void>();
  #queuedBytes = 0;
  #noiseLines = 0;
  #isStarted = false;
  #isClosed = false;
  #isCloseTold = false;

  constructor(options: StdioTransportOptions) {
    this.#options = options;
    this.#splitter = new LineSplitter({
      maxLineBytes: options.maxLineBytes,
      onLine: (line) => this.#receive(line),
      onTooLong: () => this.#refuse(),
    });
    void options.ended.then(() => this.#finish());
  }

  /** Begins to deliver messages; what the server wrote before is not lost. Throws `UPSTREAM_UNAVAILABLE` if it has ended. */
  async start(): Promise<void> {
    if (this.#isStarted)
      throw new PlatformError("CONFLICT", "This transport was started already; connect again.");
    this.#isStarted = true;
    if (this.#isClosed) {
      this.#tellClosed();
      throw this.#gone();
    }
    this.#options.server.stdout.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  /** Throws `UPSTREAM_UNAVAILABLE` when the server ends first, or does not read what was sent to it before. */
  async send(message: JsonRpcMessage): Promise<void> {
    const line = Buffer.from(`${serialise(message)}\n`);
    if (this.#isClosed) throw this.#gone();
    if (this.#queuedBytes > 0 && this.#queuedBytes + line.length > MAX_QUEUED_BYTES) {
      throw new PlatformError(
        "UPSTREAM_UNAVAILABLE",
        `The server does not read its input: ${this.#queuedBytes} bytes wait for it; try again later, or restart it.`,
      );
    }
    await this.#write(line);
  }

  /** Ends the server's process. Returns when it is gone; repeated calls share one stop. */
  async close(): Promise<void> {
    await this.#options.end();
    await this.#options.ended;
    this.#finish();
  }

  #write(line: Buffer): Promise<void> {
    this.#queuedBytes += line.length;
    return new Promise<void>((resolve, reject) => {
      const fail = (error: Error) => reject(error);
      this.#pending.add(fail);
      this.#options.server.stdin.write(line, (error) => {
        this.#queuedBytes -= line.length;
        // Node does not promise to call back for what a dead process never read; see #finish.
        if (!this.#pending.delete(fail)) return;
        if (error) reject(this.#gone());
        else resolve();
      });
    });
  }

  #read(chunk: Buffer): void {
    this.#noiseLines = 0;
    this.#splitter.push(chunk);
    if (this.#noiseLines < MAX_NOISE_LINES) return;
    // Whoever floods its protocol stream with something else is read slowly, so that the others are served.
    const { stdout } = this.#options.server;
    stdout.pause();
    this.#options.clock.setTimer(() => stdout.resume(), NOISE_PAUSE_MS);
  }

  #receive(line: Buffer): void {
    const value = parse(line);
    const messages = Array.isArray(value) ? value : [value];
    if (value === undefined || !messages.every(isMessage)) {
      this.#noiseLines += 1;
      if (line.length > 0) this.#options.onNoise(line);
      return;
    }
    for (const message of messages) this.#call(() => this.onmessage?.(message));
  }

  #refuse(): void {
    const error = new PlatformError(
      "FRAME_TOO_LARGE",
      `The server sent a message of more than ${this.#options.maxLineBytes} bytes and was stopped; let it answer in smaller pieces, or raise "maxLineBytes".`,
    );
    this.#splitter.close();
    this.#options.server.stdout.removeAllListeners("data").resume();
    this.#options.onFrameTooLarge(error);
    this.#call(() => this.onerror?.(error));
  }

  #finish(): void {
    if (this.#isClosed) return;
    this.#splitter.end();
    this.#isClosed = true;
    for (const fail of this.#pending) fail(this.#gone());
    this.#pending.clear();
    this.#tellClosed();
  }

  #tellClosed(): void {
    if (this.#isCloseTold || !this.onclose) return;
    this.#isCloseTold = true;
    this.#call(() => this.onclose?.());
  }

  #gone(): PlatformError {
    return new PlatformError(
      "UPSTREAM_UNAVAILABLE",
      `The connection to the server is closed: ${this.#options.reason()}.`,
    );
  }

  /** A callback that throws must not end the host, nor keep the next message from being delivered. */
  #call(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      if (this.#isClosed) return;
      try {
        this.onerror?.(error instanceof Error ? error : new Error(String(error)));
      } catch {
        // Its error handler throws as well: there is nobody left to tell.
      }
    }
  }
}

function serialise(message: JsonRpcMessage): string {
  try {
    return JSON.stringify(message).replace(EXTRA_LINE_ENDS, (end) =>
      end === "\u2028" ? "\\u2028" : "\\u2029",
    );
  } catch (cause) {
    const issue = "The message cannot be written as JSON; it is nested too deep, or refers to itself.";
    throw new PlatformError("INVALID_INPUT", issue, {
      cause,
      details: { issues: [{ path: "", message: issue }] },
    });
  }
}

function parse(line: Buffer): unknown {
  const first = line.find((byte) => byte > 0x20);
  // A thrown SyntaxError costs far more than a look at the first byte.
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return undefined;
  try {
    return JSON.parse(line.toString("utf8"));
  } catch {
    return undefined;
  }
}

function isMessage(value: unknown): value is JsonRpcMessage {
  return typeof value === "object" && value !== null && "jsonrpc" in value && value.jsonrpc === "2.0";
}
