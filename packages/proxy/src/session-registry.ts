import { type Clock, type Instance, PlatformError } from "@moorage/core";
import { Session } from "./session.ts";

/** How long sessions last and how many there may be. */
export interface SessionRegistryOptions {
  readonly clock: Clock;
  /** Makes an identifier that cannot be guessed. */
  readonly newId: () => string;
  readonly idleMs: number;
  readonly keepAliveMs: number;
  readonly maximum: number;
  readonly maximumPerActor: number;
}

/** All MCP sessions of this process. They end when they are unused for a while. */
export class SessionRegistry {
  readonly #options: SessionRegistryOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #byActor = new Map<string, Set<Session>>();
  readonly #byInstance = new Map<string, Set<Session>>();
  #cancelTimer: (() => void) | undefined;

  constructor(options: SessionRegistryOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /**
   * Opens a session. Where there are too many, of this actor or, with `maximumOfInstance`, of the instance, the actor's
   * longest unused one ends. Throws `LIMIT_EXCEEDED` where none is unused.
   */
  create(owner: {
    readonly instance: Instance;
    readonly actorId: string;
    readonly maximumOfInstance?: number;
  }): Session {
    const { instance, actorId, maximumOfInstance = Number.POSITIVE_INFINITY } = owner;
    const { maximum, maximumPerActor } = this.#options;
    const ofActor = this.#byActor.get(actorId) ?? NONE;
    const ofInstance = this.#byInstance.get(instance.id) ?? NONE;
    if (ofInstance.size >= maximumOfInstance) {
      makeRoom(
        [...ofActor].filter((session) => ofInstance.has(session)),
        maximumOfInstance,
      );
    } else if (ofActor.size >= maximumPerActor || this.#sessions.size >= maximum) {
      makeRoom([...ofActor], maximumPerActor);
    }
    return this.#open({ instance, actorId });
  }

  #open(owner: { readonly instance: Instance; readonly actorId: string }): Session {
    const session = new Session({
      ...owner,
      id: this.#options.newId(),
      now: this.#options.clock.now(),
      onEnd: (ended) => this.#remove(ended),
    });
    this.#sessions.set(session.id, session);
    index(this.#byActor, session.actorId).add(session);
    index(this.#byInstance, session.instance.id).add(session);
    this.#cancelTimer ??= this.#options.clock.setTimer(() => this.#tick(), this.#options.keepAliveMs);
    return session;
  }

  /** The session, and the note that it is in use. Another actor's or instance's is as unknown as none. */
  find(id: string, owner: { readonly instanceId: string; readonly actorId: string }): Session | undefined {
    const session = this.#sessions.get(id);
    if (session?.actorId !== owner.actorId || session.instance.id !== owner.instanceId) return undefined;
    session.lastUsedAt = this.#options.clock.now();
    return session;
  }

  /** The sessions of one instance. */
  of(instanceId: string): Iterable<Session> {
    return this.#byInstance.get(instanceId) ?? [];
  }

  close(): void {
    for (const session of [...this.#sessions.values()]) session.end();
  }

  #remove(session: Session): void {
    this.#sessions.delete(session.id);
    for (const [map, key] of [
      [this.#byActor, session.actorId],
      [this.#byInstance, session.instance.id],
    ] as const) {
      map.get(key)?.delete(session);
      if (map.get(key)?.size === 0) map.delete(key);
    }
    if (this.#sessions.size > 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #tick(): void {
    const { clock, idleMs, keepAliveMs } = this.#options;
    this.#cancelTimer = clock.setTimer(() => this.#tick(), keepAliveMs);
    const oldest = clock.now() - idleMs;
    for (const session of [...this.#sessions.values()]) {
      if (session.isIdle && session.lastUsedAt < oldest) session.end();
      else session.keepAlive();
    }
  }
}

const NONE: ReadonlySet<Session> = new Set();

function makeRoom(candidates: readonly Session[], maximum: number): void {
  const idle = candidates.filter((session) => session.isIdle);
  const oldest = idle.sort((left, right) => left.lastUsedAt - right.lastUsedAt)[0];
  if (!oldest) {
    throw new PlatformError(
      "LIMIT_EXCEEDED",
      "There are too many open MCP sessions. End some of them first.",
      {
        details: { limit: "mcpSessions", maximum },
      },
    );
  }
  oldest.end();
}

function index(map: Map<string, Set<Session>>, key: string): Set<Session> {
  const known = map.get(key);
  if (known) return known;
  const fresh = new Set<Session>();
  map.set(key, fresh);
  return fresh;
}
