import { type Clock, createRedactor, isoTime, type LogLine, type Redactor } from "@moorage/core";
import { LineSplitter } from "./line-splitter.ts";

/** Characters of one stored line. */
export const MAX_LOG_LINE = 8 * 1024;
/** Bytes of a line that are looked at: somewhat more, because of what is held back at a cut. */
const SEEN_BYTES = MAX_LOG_LINE + 512;
const LINE_OVERHEAD = 64;
const WINDOW_MS = 100;
const LINES_PER_WINDOW = 500;
const NEWLINE = 0x0a;
const HELD_TAIL_BYTES = 4 * 1024;

export interface InstanceLogsOptions {
  readonly clock: Clock;
  /** Bytes that all stored lines may take together. */
  readonly maxBytes: number;
  /** Values that must not be stored, in no form that a redactor knows. */
  readonly secrets: readonly string[];
}

/**
 * The newest lines that the processes of one resource wrote besides MCP messages. Lines that come faster than
 * they can be of use to anybody are dropped and counted, so that a flood costs the host next to nothing.
 */
export class InstanceLogs {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #redactor: Redactor;
  readonly #lines: LogLine[] = [];
  #bytes = 0;
  #dropped = 0;
  #windowStart = Number.NEGATIVE_INFINITY;
  #windowLines = 0;

  constructor(options: InstanceLogsOptions) {
    this.#clock = options.clock;
    this.#maxBytes = options.maxBytes;
    this.#redactor = createRedactor(options.secrets);
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
    const seen = line.subarray(0, SEEN_BYTES);
    const cut = dropped + line.length - seen.length;
    const scrubbed = this.#redactor.stream();
    const text = scrubbed.push(seen.toString("utf8"));
    // Where a line was cut its end may be the beginning of a secret, which the stream holds back.
    this.#store(stream, (cut > 0 ? text : text + scrubbed.end()).slice(0, MAX_LOG_LINE));
    this.#dropped += cut;
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
}

function sizeOf(line: LogLine): number {
  return line.text.length + LINE_OVERHEAD;
}

/** Feeds one stream of one process into the logs. Never asks the process to wait. */
export class LogIntake {
  readonly #logs: InstanceLogs;
  readonly #splitter: LineSplitter;
  #held: Buffer | undefined;
  #isFlushing = false;
  /** Whether the next byte that comes is the first of a line. */
  #isAtLineStart = true;
  /** The same of the first byte that is held back. */
  #isHeldFromLineStart = true;
  /** Whether what comes until the end of the line belongs to a beginning that was dropped. */
  #isSkipping = false;

  constructor(logs: InstanceLogs, stream: LogLine["stream"]) {
    this.#logs = logs;
    this.#splitter = new LineSplitter({
      maxLineBytes: SEEN_BYTES,
      onLine: (line, dropped) =>
        this.#isFlushing ? logs.keep(stream, line, dropped) : logs.add(stream, line, dropped),
    });
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    if (this.#logs.hasRoom()) {
      this.flush();
      this.#feed(chunk);
    } else {
      // In a flood only the newest chunk is kept, unread: its end is what a reader wants to see after a crash.
      this.#logs.drop(this.#held?.length ?? 0);
      this.#held = chunk;
      this.#isHeldFromLineStart = this.#isAtLineStart;
    }
    this.#isAtLineStart = chunk.at(-1) === NEWLINE;
  }

  /** Stores the end of what was held back in a flood. */
  flush(): void {
    const held = this.#held;
    if (!held) return;
    this.#held = undefined;
    this.#splitter.reset();
    const from = this.#lineStartIn(held);
    this.#logs.drop(from);
    this.#isFlushing = true;
    this.#feed(held.subarray(from));
    this.#isFlushing = false;
  }

  /** Where to begin with what was held back. A line whose beginning is lost is not told: it may be half a secret. */
  #lineStartIn(held: Buffer): number {
    const inTail = held.indexOf(NEWLINE, Math.max(0, held.length - HELD_TAIL_BYTES)) + 1;
    const start = inTail || held.lastIndexOf(NEWLINE) + 1;
    this.#isSkipping = start === 0 && !this.#isHeldFromLineStart;
    return start;
  }

  #feed(chunk: Buffer): void {
    const start = this.#isSkipping ? chunk.indexOf(NEWLINE) + 1 : 0;
    const isSkipped = this.#isSkipping && start === 0;
    this.#logs.drop(isSkipped ? chunk.length : start);
    if (isSkipped) return;
    this.#isSkipping = false;
    this.#splitter.push(chunk.subarray(start));
  }

  /** Stores what is left; the stream has ended. */
  end(): void {
    this.flush();
    // The very last line is kept in any case: it may say why this was the end.
    this.#isFlushing = true;
    this.#splitter.end();
  }
}
