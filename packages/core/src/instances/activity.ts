import { isoTime } from "../clock.ts";
import type { InstancePatch } from "../store/instance-rows.ts";
import { lockInstance, updateInstance } from "../store/instances.ts";
import type { Instance } from "./instance.ts";
import type { InstanceRuntime } from "./runtime.ts";

/** A busy instance costs one write in this time. */
const FLUSH_MS = 5_000;

type UsedInstance = Pick<Instance, "idleSeconds" | "state" | "expiresAt">;

/**
 * The row after a use at `at`: its idle time starts anew. The owner is warned anew, too, unless it is the end of
 * the time to live that comes first, which no use moves.
 */
export function usedAt(instance: UsedInstance, at: number): InstancePatch {
  const lastActivityAt = isoTime(at);
  if (instance.idleSeconds === null || instance.state !== "running") return { lastActivityAt };
  const autoStopAt = isoTime(at + instance.idleSeconds * 1000);
  const outlived = instance.expiresAt !== null && instance.expiresAt <= autoStopAt;
  return outlived ? { lastActivityAt, autoStopAt } : { lastActivityAt, autoStopAt, expiringNotifiedAt: null };
}

type Ground = Pick<InstanceRuntime, "database" | "clock" | "logger">;

/** Notes that instances are used, in memory first: a tool call must not wait for a write. */
export class ActivityLog {
  readonly #ground: Ground;
  readonly #used = new Map<string, number>();
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  touch(instanceId: string): void {
    this.#used.set(instanceId, this.#ground.clock.now());
    this.#arm();
  }

  /** Whether a use is noted that is not written yet. */
  pending(instanceId: string): boolean {
    return this.#used.has(instanceId);
  }

  forget(instanceId: string): void {
    this.#used.delete(instanceId);
  }

  /** Writes everything that is noted. Never rejects: what could not be written stays noted. */
  flush(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#writing = this.#writing.then(() => this.#writeAll());
    return this.#writing;
  }

  #arm(): void {
    this.#cancel ??= this.#ground.clock.setTimer(() => {
      this.#cancel = undefined;
      this.flush().then(() => {
        if (this.#used.size > 0) this.#arm();
      });
    }, FLUSH_MS);
  }

  async #writeAll(): Promise<void> {
    for (const [instanceId, at] of [...this.#used]) {
      try {
        await this.#write(instanceId, at);
        if (this.#used.get(instanceId) === at) this.#used.delete(instanceId);
      } catch (error) {
        this.#ground.logger.warn({ error, instanceId }, "Activity of an instance could not be written.");
      }
    }
  }

  /** A row that tells of a later use already, as after `touch()` through the API, stays as it is. */
  #write(instanceId: string, at: number): Promise<void> {
    const { database } = this.#ground;
    return database.transaction(async (transaction) => {
      const instance = await lockInstance(transaction, database.dialect, instanceId);
      if (!instance || instance.deletedAt !== null) return;
      const isNews = instance.lastActivityAt === null || instance.lastActivityAt < isoTime(at);
      if (isNews) await updateInstance(transaction, instance, usedAt(instance, at));
    });
  }
}
