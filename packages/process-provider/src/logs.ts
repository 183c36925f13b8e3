import { type Clock, isoTime, type LogLine } from "@moorage/core";
import { LineSplitter } from "./line-splitter.ts";

/** Characters of one stored line. */
export const MAX_LOG_LINE = 8 * 1024;
const MIN_SECRET_LENGTH = 8;
const MAX_LOOKAHEAD = 64 * 1024;
const LINE_OVERHEAD = 64;
const WINDOW_MS = 100;
const LINES_PER_WINDOW = 500;
const HELD_TAIL_BYTES = 4 * 1024;

export interface InstanceLogsOptions {
  readonly clock: Clock;
  /** Bytes that all stored lines may take together. */
  readonly maxBytes: number;
  /** Values that must not be stored: each occurrence of one of at least 8 characters is replaced. */
  readonly secrets: readonly string[];
}

/**
 * The newest lines that the processes of one resource wrote besides MCP messages. Lines that come faster than
 * they can be of use to anybody are dropped and counted, so that a flood costs the host next to nothing.
 */
export class InstanceLogs {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #secrets: readonly string[];
  readonly #lines: LogLine[] = [];
  #bytes = 0;
  #dropped = 0;
  #windowStart = Number.NEGATIVE_INFINITY;
  #windowLines = 0;

  constructor(options: InstanceLogsOptions) {
    this.#clock = options.clock;
    this.#maxBytes = options.maxBytes;
    this.#secrets = secretPieces(options.secrets);
  }

  /** Bytes of a line that must be seen at once, so that no part of a secret is stored at the cut. */
  get lineBytes(): number {
    return MAX_LOG_LINE + Math.min(this.#secrets[0]?.length ?? 0, MAX_LOOKAHEAD);
  }

  /** Whether another line would be stored now rather than dropped. */
  hasRoom(): boolean {
    const now = this.#clock.now();
    if (now - this.#windowStart >= WINDOW_MS || now < this.#windowStart) {
      this.#windowStart = now;
      this.#windowLines = 0;
    }
    return this.#windowLines < LINES_PER_WINDOW;
  }

  /** Stores one line, or drops it while there is no room. `dropped`: bytes already cut off its end. */
  add(stream: LogLine["stream"], line: Buffer, dropped = 0): void {
    if (this.hasRoom()) {
      this.#windowLines += 1;
      this.keep(stream, line, dropped);
    } else {
      this.drop(line.length + dropped);
    }
  }

  /** Stores one line in any case. */
  keep(stream: LogLine["stream"], line: Buffer, dropped: number): void {
    const seen = line.subarray(0, this.lineBytes);
    this.#store(stream, this.#scrub(seen.toString("utf8")).slice(0, MAX_LOG_LINE));
    this.#dropped += dropped + line.length - seen.length;
  }

  /** Counts bytes that were not even looked at. */
  drop(bytes: number): void {
    this.#dropped += bytes;
  }

  /** The newest lines, oldest first. */
  tail(limit: number): readonly LogLine[] {
    this.#markDropped();
    return limit > 0 ? this.#lines.slice(-limit) : [];
  }

  #store(stream: LogLine["stream"], text: string): void {
    this.#markDropped();
    this.#push({
      at: isoTime(this.#clock.now()),
      stream,
      text: text.endsWith("\r") ? text.slice(0, -1) : text,
    });
  }

  #markDropped(): void {
    if (this.#dropped === 0) return;
    const text = `[${this.#dropped} bytes of output were dropped here]`;
    this.#dropped = 0;
    this.#push({ at: isoTime(this.#clock.now()), stream: "stderr", text });
  }

  #push(line: LogLine): void {
    this.#lines.push(line);
    this.#bytes += sizeOf(line);
    while (this.#bytes > this.#maxBytes && this.#lines.length > 1) {
      const oldest = this.#lines.shift();
      this.#bytes -= oldest ? sizeOf(oldest) : 0;
    }
  }

  #scrub(text: string): string {
    return this.#secrets.reduce((scrubbed, secret) => scrubbed.replaceAll(secret, "[redacted]"), text);
  }
}

function sizeOf(line: LogLine): number {
  return line.text.length + LINE_OVERHEAD;
}

/** A secret of several lines, such as a key in PEM form, is only ever seen line by line. Longest first. */
function secretPieces(secrets: readonly string[]): string[] {
  const pieces = secrets.flatMap((secret) => secret.split(/\r?\n/));
  return [...new Set(pieces.filter((piece) => piece.length >= MIN_SECRET_LENGTH))].sort(
    (left, right) => right.length - left.length,
  );
}

/** Feeds one stream of one process into the logs. Never asks the process to wait. */
export class LogIntake {
  readonly #logs: InstanceLogs;
  readonly #splitter: LineSplitter;
  #held: Buffer | undefined;
  #isFlushing = false;

  constructor(logs: InstanceLogs, stream: LogLine["stream"]) {
    this.#logs = logs;
    this.#splitter = new LineSplitter({
      maxLineBytes: logs.lineBytes,
      onLine: (line, dropped) =>
        this.#isFlushing ? logs.keep(stream, line, dropped) : logs.add(stream, line, dropped),
    });
  }

  push(chunk: Buffer): void {
    if (this.#logs.hasRoom()) {
      this.flush();
      this.#splitter.push(chunk);
      return;
    }
    // In a flood only the newest chunk is kept, unread: its end is what a reader wants to see after a crash.
    this.#logs.drop(this.#held?.length ?? 0);
    this.#held = chunk;
  }

  /** Stores the end of what was held back in a flood. */
  flush(): void {
    const held = this.#held;
    if (!held) return;
    this.#held = undefined;
    this.#splitter.reset();
    const from = held.indexOf(0x0a, Math.max(0, held.length - HELD_TAIL_BYTES)) + 1;
    this.#logs.drop(from);
    this.#isFlushing = true;
    this.#splitter.push(held.subarray(from));
    this.#isFlushing = false;
  }

  /** Stores what is left; the stream has ended. */
  end(): void {
    this.flush();
    this.#splitter.end();
  }
}
