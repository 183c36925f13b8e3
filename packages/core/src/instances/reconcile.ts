import { isoTime } from "../clock.ts";
import { abandonable } from "../deadline.ts";
import { PlatformError } from "../errors.ts";
import { Lanes } from "../lanes.ts";
import { type Held, underClaim } from "./claim.ts";
import { recordCrash } from "./failure.ts";
import { eraseInstance, haltInstance, settleInstance } from "./halt.ts";
import type { Instance } from "./instance.ts";
import { launchInstance } from "./launch.ts";
import { type InstanceRuntime, providerOf } from "./runtime.ts";
import { type NextStep, nextStep } from "./states.ts";

/** Enough for any path through the table; more would mean that two of its rules disagree. */
const MAX_STEPS = 12;

const ACTIONS: Readonly<
  Record<Exclude<NextStep, "none" | "wait">, (runtime: InstanceRuntime, held: Held) => Promise<Instance>>
> = {
  launch: launchInstance,
  halt: haltInstance,
  settle: settleInstance,
  erase: eraseInstance,
};

/**
 * The only caller of a provider's `launch`, `stop` and `destroy`. Requests, sweeps, crashes and restarts of
 * the host all come through here, so that there is one path to get right.
 */
export class Reconciler {
  readonly #runtime: InstanceRuntime;
  readonly #lanes = new Lanes<Instance>();
  readonly #running = new Map<string, Instance>();
  #refusing = false;

  constructor(runtime: InstanceRuntime) {
    this.#runtime = runtime;
  }

  /** What this process knows to be running, without asking the database: the hot path of a tool call. */
  running(instanceId: string): Instance | undefined {
    return this.#running.get(instanceId);
  }

  /**
   * Ends the present run and starts the next one. Whoever calls meanwhile waits for that: connections are dropped and
   * `mark` writes that the run is to end while nobody else's turn comes.
   */
  relaunch(instanceId: string, mark: () => Promise<unknown>): Promise<Instance> {
    if (this.#refusing) return Promise.reject(shuttingDown());
    return this.#lanes.run(instanceId, async () => {
      this.#running.delete(instanceId);
      await this.#runtime.proxy()?.release(instanceId);
      await mark();
      return underClaim(this.#runtime, instanceId, (held) => this.#agree(held));
    });
  }

  /** How many instances this process runs. */
  get count(): number {
    return this.#running.size;
  }

  /** Brings state and desired state together. Concurrent callers for one instance share a run. */
  reconcile(instanceId: string, options: { readonly signal?: AbortSignal } = {}): Promise<Instance> {
    if (this.#refusing) return Promise.reject(shuttingDown());
    const run = this.#lanes.join(instanceId, () =>
      underClaim(this.#runtime, instanceId, (held) => this.#agree(held)),
    );
    return abandonable(run, options.signal);
  }

  /** Looks at the resource of an instance that is said to run; a dead one is written as crashed. */
  verify(instanceId: string): Promise<Instance> {
    if (this.#refusing) return Promise.reject(shuttingDown());
    return this.#lanes.run(instanceId, () =>
      underClaim(this.#runtime, instanceId, async (held) =>
        this.#agree({ ...held, instance: await this.#observe(held) }),
      ),
    );
  }

  /** Ends what runs in this process and leaves `desired` as it is, so that the next host starts it again. */
  retire(instanceId: string): Promise<Instance> {
    return this.#lanes.run(instanceId, () =>
      underClaim(this.#runtime, instanceId, (held) => this.#retire(held)),
    );
  }

  /** Takes no more work except `retire()`, and waits for every run that is under way. */
  refuse(): Promise<void> {
    this.#refusing = true;
    return this.#lanes.drain();
  }

  async #agree(held: Held): Promise<Instance> {
    let { instance } = held;
    for (let count = 0; count < MAX_STEPS; count++) {
      const step = nextStep(instance, isoTime(this.#runtime.clock.now()));
      if (step === "none" || step === "wait") {
        this.#remember(instance);
        return instance;
      }
      this.#running.delete(instance.id);
      instance = await ACTIONS[step](this.#runtime, { ...held, instance });
    }
    throw new PlatformError("CONFLICT", `Instance "${instance.id}" did not settle in ${MAX_STEPS} steps.`);
  }

  #remember(instance: Instance): void {
    if (instance.state === "running") this.#running.set(instance.id, instance);
    else this.#running.delete(instance.id);
  }

  async #observe(held: Held): Promise<Instance> {
    const { instance } = held;
    if (instance.state !== "running" || instance.resourceId === null) return instance;
    const provider = providerOf(this.#runtime, instance);
    const seen = await provider.inspect(instance.resourceId);
    if (seen.state === "running") return instance;
    this.#running.delete(instance.id);
    await this.#runtime.proxy()?.release(instance.id);
    await provider.stop(instance.resourceId);
    const why = this.#runtime.secretsInUse.redact(instance.id, seen.message ?? `it is ${seen.state}`);
    return recordCrash(this.#runtime, held, crashed(instance, why));
  }

  #retire(held: Held): Promise<Instance> {
    const { state } = held.instance;
    this.#running.delete(held.instance.id);
    const live = state === "running" || state === "starting" || state === "stopping";
    return live ? haltInstance(this.#runtime, held, "host_lost") : Promise.resolve(held.instance);
  }
}

function shuttingDown(): PlatformError {
  return new PlatformError(
    "SHUTTING_DOWN",
    "The platform is shutting down. Send the request again elsewhere or later.",
  );
}

function crashed(instance: Instance, why: string): PlatformError {
  return new PlatformError("UPSTREAM_UNAVAILABLE", `Instance "${instance.id}" ended by itself: ${why}`);
}
