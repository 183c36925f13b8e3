import { isoTime } from "../clock.ts";
import { findInstance, updateInstance } from "../store/instances.ts";
import type { Instance } from "./instance.ts";
import type { InstanceRuntime } from "./runtime.ts";

const FLUSH_MS = 1_000;
/** A row is written again only when its last write is this old: a busy instance costs one write per five seconds. */
const THROTTLE_MS = 5_000;
const WRITE_ATTEMPTS = 3;

/** The row after a use at `at`: idle time starts anew, and the owner may be warned anew. */
export function usedAt(instance: Pick<Instance, "idleSeconds" | "state">, at: number) {
  const stops = instance.idleSeconds !== null && instance.state === "running";
  return {
    lastActivityAt: isoTime(at),
    autoStopAt: stops ? isoTime(at + (instance.idleSeconds ?? 0) * 1000) : null,
    expiringNotifiedAt: null,
  };
}

/** Notes that instances are used, in memory first: a tool call must not wait for a write. */
export class ActivityLog {
  readonly #runtime: Pick<InstanceRuntime, "database" | "clock" | "logger">;
  readonly #used = new Map<string, number>();
  readonly #written = new Map<string, number>();
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(runtime: Pick<InstanceRuntime, "database" | "clock" | "logger">) {
    this.#runtime = runtime;
  }

  touch(instanceId: string): void {
    this.#used.set(instanceId, this.#runtime.clock.now());
    this.#cancel ??= this.#runtime.clock.setTimer(() => {
      this.#cancel = undefined;
      void this.#write(false);
    }, FLUSH_MS);
  }

  /** Whether a use is noted that is not written yet. */
  pending(instanceId: string): boolean {
    return this.#used.has(instanceId);
  }

  forget(instanceId: string): void {
    this.#used.delete(instanceId);
    this.#written.delete(instanceId);
  }

  /** Writes everything that is noted. */
  async flush(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    await this.#write(true);
  }

  #write(everything: boolean): Promise<void> {
    this.#writing = this.#writing.then(() => this.#writeDue(everything));
    return this.#writing;
  }

  async #writeDue(everything: boolean): Promise<void> {
    for (const [instanceId, at] of [...this.#used]) {
      const last = this.#written.get(instanceId) ?? Number.NEGATIVE_INFINITY;
      if (!everything && at - last < THROTTLE_MS) continue;
      try {
        await this.#writeOne(instanceId, at);
        this.#written.set(instanceId, at);
        if (this.#used.get(instanceId) === at) this.#used.delete(instanceId);
      } catch (error) {
        this.#runtime.logger.warn({ error, instanceId }, "Activity of an instance could not be written.");
      }
    }
    if (this.#used.size > 0 && !this.#cancel && !everything) this.#rearm();
  }

  #rearm(): void {
    this.#cancel = this.#runtime.clock.setTimer(() => {
      this.#cancel = undefined;
      void this.#write(false);
    }, FLUSH_MS);
  }

  async #writeOne(instanceId: string, at: number): Promise<void> {
    const { connection } = this.#runtime.database;
    for (let attempt = 0; attempt < WRITE_ATTEMPTS; attempt++) {
      const instance = await findInstance(connection, instanceId);
      if (!instance || instance.deletedAt !== null) return;
      if (await updateInstance(connection, instance, usedAt(instance, at))) return;
    }
  }
}
