import type { Actor } from "../access/actor.ts";
import type { Clock } from "../clock.ts";
import type { PlatformEvent, PlatformEventType } from "../events.ts";
import type { Logger } from "../logger.ts";
import type { Events } from "../services.ts";

/** How often a silent stream says that it is alive, and looks for events that other replicas wrote. */
export const HEARTBEAT_MS = 15_000;
/** A stream ends after this long; the client comes back with `Last-Event-ID`, and is authenticated anew. */
export const STREAM_LIFETIME_MS = 1_800_000;

const BATCH = 100;

export interface EventStreamOptions {
  readonly events: Events;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly actor: Actor;
  /** Sends what came after this sequence; without it, what comes from now on. */
  readonly after?: number;
  readonly filter: {
    readonly type?: PlatformEventType;
    readonly subjectId?: string;
    readonly ownerId?: string;
  };
  /** Each ends the stream when it is aborted. */
  readonly signals: readonly AbortSignal[];
}

/** The position of one client in the events, and what wakes it. */
export class EventReader {
  readonly #options: EventStreamOptions;
  readonly #stops: (() => void)[] = [];
  #after = 0;
  #heartbeatAt = 0;
  #pending: PlatformEvent[] = [];
  #isFull = false;
  #isWoken = false;
  #isOver = false;
  #wake = () => {};

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#heartbeatAt = options.clock.now() + HEARTBEAT_MS;
  }

  /** Listens first and reads then, so that nothing falls between the two. */
  async begin(): Promise<void> {
    const { events, clock, signals, after } = this.#options;
    const stop = () => this.end();
    for (const signal of signals) {
      if (signal.aborted) return this.end();
      signal.addEventListener("abort", stop, { once: true });
      this.#stops.push(() => signal.removeEventListener("abort", stop));
    }
    this.#stops.push(clock.setTimer(stop, STREAM_LIFETIME_MS));
    this.#stops.push(events.onAny(() => this.#rouse()));
    if (after === undefined) this.#after = await this.#newest();
    else {
      this.#after = after;
      await this.#read();
    }
  }

  /** The next piece of the stream, when there is one; null at its end. */
  async next(): Promise<string | null> {
    while (!this.#isOver) {
      if (this.#pending.length > 0) return this.#send(this.#pending.splice(0).map(eventText).join(""));
      if (!this.#isFull && !this.#isWoken) await this.#rest();
      if (this.#isOver) return null;
      await this.#readOrEnd();
      const isSilent = this.#pending.length === 0 && this.#options.clock.now() >= this.#heartbeatAt;
      if (isSilent) return this.#send(": heartbeat\n\n");
    }
    return null;
  }

  end(): void {
    this.#isOver = true;
    for (const stop of this.#stops.splice(0)) stop();
    this.#rouse();
  }

  #rouse(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Waits for an event, or until a heartbeat is due. */
  #rest(): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const cancel = clock.setTimer(resolve, Math.max(0, this.#heartbeatAt - clock.now()));
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  #send(text: string): string {
    this.#heartbeatAt = this.#options.clock.now() + HEARTBEAT_MS;
    return text;
  }

  async #newest(): Promise<number> {
    const { events, actor } = this.#options;
    const page = await events.list({ limit: 1 }, { actor });
    return page.items[0]?.sequence ?? 0;
  }

  async #read(): Promise<void> {
    const { events, actor, filter } = this.#options;
    this.#isWoken = false;
    const page = await events.list({ ...filter, after: this.#after, limit: BATCH }, { actor });
    this.#pending = [...page.items];
    this.#after = page.items.at(-1)?.sequence ?? this.#after;
    this.#isFull = page.items.length === BATCH;
  }

  async #readOrEnd(): Promise<void> {
    try {
      await this.#read();
    } catch (error) {
      // Ending, instead of failing, lets the client come back to where it was.
      this.#options.logger.warn({ error }, "an event stream ended because its events could not be read");
      this.end();
    }
  }
}

function eventText(event: PlatformEvent): string {
  return `id: ${event.sequence}\ndata: ${JSON.stringify(event)}\n\n`;
}
