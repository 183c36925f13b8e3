import type { Engine, Ground } from "./assemble.ts";
import { sleep } from "./clock.ts";
import type { PluginService } from "./contracts/plugin.ts";
import type { ScheduledTask, Scheduler } from "./contracts/scheduler.ts";
import { PlatformError } from "./errors.ts";
import { announceHost, recover } from "./instances/recovery.ts";
import { findHosted } from "./store/hosts.ts";

/** A start waits this long for instances to come back; slower ones come back behind it. */
const COMEBACK_MS = 10_000;

/** What starts and ends with the platform. */
export interface LifecycleDeps {
  readonly ground: Ground;
  readonly engine: Engine;
  readonly scheduler: Scheduler | undefined;
  readonly plugins: ReadonlyMap<string, PluginService>;
  readonly tasks: readonly ScheduledTask[];
}

/** Start and close as races that may be lost: each runs once, whoever else asks waits for the same run. */
export class Lifecycle {
  readonly #deps: LifecycleDeps;
  readonly #closing = new AbortController();
  readonly #undo: (() => Promise<void> | void)[] = [];
  #starting: Promise<void> | undefined;
  #ending: Promise<void> | undefined;

  constructor(deps: LifecycleDeps) {
    this.#deps = deps;
    for (const task of deps.tasks) deps.scheduler?.add(task);
  }

  /** Aborted when `close()` begins. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  start(): Promise<void> {
    if (this.#ending) {
      return Promise.reject(
        new PlatformError("SHUTTING_DOWN", "This platform was closed. Make another with createPlatform()."),
      );
    }
    this.#starting ??= this.#start().catch(async (error: unknown) => {
      await this.#unwind();
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  /** Runs scheduled tasks now; without a scheduler they run here, one after the other. */
  async tick(name?: string): Promise<void> {
    const { scheduler, tasks } = this.#deps;
    if (scheduler) return scheduler.tick(name);
    const chosen = name === undefined ? tasks : tasks.filter((task) => task.name === name);
    if (chosen.length === 0) {
      const known = tasks.map((task) => task.name).join(", ");
      throw new PlatformError("NOT_FOUND", `There is no task "${name}". There are: ${known}.`);
    }
    for (const task of chosen) await task.run({ signal: this.closing });
  }

  close(): Promise<void> {
    this.#ending ??= this.#close();
    return this.#ending;
  }

  async #start(): Promise<void> {
    const { ground, engine, scheduler, plugins } = this.#deps;
    const { runtime, reconciler } = engine;
    this.#undo.push(await announceHost(runtime));
    await recover(runtime);
    for (const provider of runtime.providers.values()) {
      const stop = provider.subscribe?.(({ instanceId }) => {
        if (instanceId !== undefined) this.#look(instanceId);
      });
      if (stop) this.#undo.push(stop);
    }
    await this.#comeBack();
    for (const plugin of plugins.values()) await plugin.start?.();
    await scheduler?.start();
    ground.logger.info({ hostId: runtime.hostId, running: reconciler.count }, "The platform has started.");
  }

  /** A resource ended by itself: the row is looked at right away, not at the next sweep. */
  #look(instanceId: string): void {
    this.#deps.engine.reconciler.verify(instanceId).catch((error: unknown) => {
      this.#deps.ground.logger.warn(
        { error, instanceId },
        "An instance that ended could not be looked after.",
      );
    });
  }

  async #comeBack(): Promise<void> {
    const task = this.#deps.tasks.find(({ name }) => name === "reconcile");
    const patience = new AbortController();
    const back = task?.run({ signal: this.closing }).finally(() => patience.abort());
    back?.catch((error: unknown) => {
      this.#deps.ground.logger.warn({ error }, "Instances could not be brought back.");
    });
    await sleep(this.#deps.ground.clock, COMEBACK_MS, patience.signal).catch(() => {});
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    await this.#starting?.catch(() => {});
    const { ground, engine, scheduler, plugins } = this.#deps;
    const { runtime, reconciler } = engine;
    const steps: (() => Promise<unknown> | undefined)[] = [
      () => scheduler?.close(),
      ...[...plugins.values()].map((plugin) => () => plugin.close?.()),
      () => reconciler.refuse(),
      () => this.#retireAll(),
      () => runtime.proxy()?.close(),
      () => engine.activity.flush(),
      ...[...runtime.providers.values()].map((provider) => () => provider.close?.()),
      () => this.#unwind(),
      () => ground.events.deliver(),
      () => runtime.vault?.close?.(),
      () => ground.database.close(),
    ];
    for (const step of steps) await this.#attempt(step);
    ground.events.removeListeners();
  }

  async #retireAll(): Promise<void> {
    if (!this.#starting) return;
    const { runtime, reconciler } = this.#deps.engine;
    const hosted = await findHosted(runtime.database.connection, runtime.hostId);
    await Promise.all(hosted.map((id) => this.#attempt(() => reconciler.retire(id))));
  }

  async #unwind(): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) await this.#attempt(async () => undo());
  }

  /** What fails must not keep the rest open. */
  async #attempt(step: () => Promise<unknown> | undefined): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#deps.ground.logger.warn({ error }, "A step of starting or closing the platform failed.");
    }
  }
}
