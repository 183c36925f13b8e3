import { EventEmitter } from "eventemitter3";
import type { Access } from "./access/authorize.ts";
import type { PartContext } from "./contracts/part.ts";
import type { EventPublisher, NewEvent, PlatformEvent } from "./events.ts";
import type { Events } from "./services.ts";
import type { Connection } from "./store/database.ts";
import { claimUndelivered, insertEvent, listEvents } from "./store/events.ts";

const BATCH = 200;
const ANY = "*";

/**
 * The outbox and its listeners. Events are rows first; a row is handed to the listeners of the one replica
 * that claims it, which is, as a rule, the one that wrote it. What a killed process left is delivered by the
 * next `start()`.
 */
export class EventHub implements EventPublisher {
  readonly #context: Pick<PartContext, "database" | "clock" | "ids" | "logger">;
  readonly #emitter = new EventEmitter();
  #delivering: Promise<void> | undefined;
  #again = false;
  #failures = 0;

  constructor(context: Pick<PartContext, "database" | "clock" | "ids" | "logger">) {
    this.#context = context;
  }

  /** How many times a listener has thrown. */
  get listenerFailures(): number {
    return this.#failures;
  }

  async record(transaction: Connection, event: NewEvent): Promise<void> {
    const { ids, clock } = this.#context;
    await insertEvent(transaction, { ...event, id: ids(), createdAt: new Date(clock.now()).toISOString() });
  }

  /** Concurrent calls share a run; one that comes late makes it run once more. Never rejects. */
  deliver(): Promise<void> {
    this.#again = true;
    this.#delivering ??= this.#run().finally(() => {
      this.#delivering = undefined;
    });
    return this.#delivering;
  }

  on(type: string, listener: (event: PlatformEvent) => void): () => void {
    const contained = (event: PlatformEvent) => this.#call(listener, event);
    this.#emitter.on(type, contained);
    return () => {
      this.#emitter.off(type, contained);
    };
  }

  onAny(listener: (event: PlatformEvent) => void): () => void {
    return this.on(ANY, listener);
  }

  removeListeners(): void {
    this.#emitter.removeAllListeners();
  }

  async #run(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false;
        const events = await claimUndelivered(this.#context.database, { limit: BATCH });
        for (const event of events) this.#emit(event);
        if (events.length === BATCH) this.#again = true;
      }
    } catch (error) {
      // The rows are safe, and the next delivery finds them: a state that was committed must not look failed.
      this.#context.logger.warn({ error }, "Events could not be read for delivery.");
    }
  }

  #emit(event: PlatformEvent): void {
    this.#emitter.emit(event.type, event);
    this.#emitter.emit(ANY, event);
  }

  /** A listener is the host's code: what it throws is its own affair, and is counted. */
  #call(listener: (event: PlatformEvent) => void, event: PlatformEvent): void {
    const failed = (error: unknown) => {
      this.#failures++;
      this.#context.logger.error({ error, event: event.type }, "A listener of platform events threw.");
    };
    try {
      Promise.resolve(listener(event)).catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

/** The events of a platform for its host and its actors. */
export function createEvents(deps: {
  readonly hub: EventHub;
  readonly access: Access;
  readonly connection: Connection;
}): Events {
  const { hub, access, connection } = deps;
  return {
    on: (type, listener) => hub.on(type, listener as (event: PlatformEvent) => void),
    onAny: (listener) => hub.onAny(listener),
    list: async (query = {}, options = {}) => {
      const ownerId = await access.visibleOwner(options.actor, "event.read", query.ownerId);
      const { ownerId: _, ...rest } = query;
      return listEvents(connection, ownerId === undefined ? rest : { ...rest, ownerId });
    },
  };
}
