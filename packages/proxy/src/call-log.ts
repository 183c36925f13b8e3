import { type Clock, type Logger, type ProxyContext, sleep, type ToolCallRecord } from "@moorage/core";
import { loggableArguments, loggableResult } from "./redact.ts";

/** Where the records go; `write` is called with batches of at most 200, one at a time. */
export interface CallLogOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Takes the secrets of an instance out of a value. */
  readonly redact: ProxyContext["redact"];
  readonly write: (records: readonly ToolCallRecord[]) => Promise<void>;
}

const FLUSH_AFTER_MS = 100;
const BATCH_SIZE = 200;
const MAX_QUEUED = 10_000;
const WRITE_ATTEMPTS = 4;
const RETRY_DELAY_MS = 100;

/**
 * Writes records of tool calls in batches, behind the calls. What cannot be written does not hold up anything: beyond
 * 10,000 waiting records the oldest are dropped, and a batch that fails four times is, too; both are reported to the log.
 */
export class CallLog {
  readonly #options: CallLogOptions;
  #queue: ToolCallRecord[] = [];
  #dropped = 0;
  #cancelTimer: (() => void) | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: CallLogOptions) {
    this.#options = options;
  }

  /** Takes a record; arguments and result are redacted and capped at once, so that nothing large is held. */
  add(record: ToolCallRecord): void {
    const { instanceId, arguments: given, result, tool, errorMessage } = record;
    const told = { tool, errorMessage, arguments: loggableArguments(given), result: loggableResult(result) };
    this.#queue.push({ ...record, ...this.#options.redact(instanceId, told) });
    if (this.#queue.length > MAX_QUEUED) {
      this.#queue.shift();
      this.#dropped += 1;
    }
    if (this.#queue.length >= BATCH_SIZE && !this.#writing) void this.flush();
    else this.#cancelTimer ??= this.#options.clock.setTimer(() => void this.flush(), FLUSH_AFTER_MS);
  }

  /** Settles when everything that was added before is written or given up. Never throws. */
  async flush(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    while (this.#writing || this.#queue.length > 0) {
      this.#writing ??= this.#writeAll().finally(() => {
        this.#writing = undefined;
      });
      await this.#writing;
    }
  }

  async #writeAll(): Promise<void> {
    while (this.#queue.length > 0) {
      this.#reportDropped();
      await this.#write(this.#queue.splice(0, BATCH_SIZE));
    }
  }

  async #write(batch: readonly ToolCallRecord[]): Promise<void> {
    const { clock, logger, write } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await write(batch);
      } catch (error) {
        if (attempt === WRITE_ATTEMPTS) {
          return logger.error({ error, records: batch.length }, "records of tool calls could not be written");
        }
      }
      await sleep(clock, RETRY_DELAY_MS * attempt);
    }
  }

  #reportDropped(): void {
    if (this.#dropped === 0) return;
    this.#options.logger.warn(
      { dropped: this.#dropped },
      "too many records of tool calls; the oldest were dropped",
    );
    this.#dropped = 0;
  }
}
