import type { Clock } from "../clock.ts";
import type { PlatformEvent } from "../events.ts";
import type { Events } from "../services.ts";
import { AT } from "./test-rows.ts";

/** One call of an operation, as the test services note it. */
export interface ServiceCall {
  readonly operation: string;
  readonly args: readonly unknown[];
}

/** Events in memory; `alice` and whoever else see their own rows only. */
export class TestEvents implements Events {
  readonly #rows: PlatformEvent[] = [];
  readonly #listeners = new Set<(event: PlatformEvent) => void>();
  readonly #calls: ServiceCall[];
  failure: Error | null = null;

  constructor(calls: ServiceCall[]) {
    this.#calls = calls;
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  emit(ownerId = "alice"): PlatformEvent {
    const event: PlatformEvent = {
      sequence: this.#rows.length + 1,
      id: `event-${this.#rows.length + 1}`,
      type: "server.removed",
      ownerId,
      subjectId: "server-1",
      data: { serverId: "server-1" },
      createdAt: AT,
    };
    this.#rows.push(event);
    for (const listener of this.#listeners) listener(event);
    return event;
  }

  on(): () => void {
    throw new Error("the HTTP layer listens to every type");
  }

  onAny(listener: (event: PlatformEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  list: Events["list"] = async (query = {}, options = {}) => {
    this.#calls.push({ operation: "events.list", args: [query, options] });
    if (this.failure) throw this.failure;
    const { after, limit = 50 } = query;
    const visible = this.#rows.filter(({ ownerId }) => ownerId === options.actor?.id);
    const wanted =
      after === undefined ? visible.reverse() : visible.filter(({ sequence }) => sequence > after);
    return { items: wanted.slice(0, limit), nextCursor: null };
  };
}

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  get timerCount(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
    for (const timer of [...this.#timers].filter(({ at }) => at <= this.#now)) {
      this.#timers.delete(timer);
      timer.callback();
    }
  }
}
