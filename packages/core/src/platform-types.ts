import type { Kysely } from "kysely";
import type { Actor, ActorOptions } from "./access/actor.ts";
import type { Authorizer } from "./access/authorize.ts";
import type { RateLimitName, RateLimitRule } from "./access/limits.ts";
import type { Clock } from "./clock.ts";
import type { Plugin } from "./contracts/plugin.ts";
import type { Provider } from "./contracts/provider.ts";
import type { ProxyPart } from "./contracts/proxy.ts";
import type { SchedulerPart } from "./contracts/scheduler.ts";
import type { VaultPart } from "./contracts/vault.ts";
import type { IdFactory } from "./ids.ts";
import type { Logger } from "./logger.ts";
import type { Audit, Catalog, Events, Instances, PlatformStats, Secrets, Tools, Usage } from "./services.ts";
import type { DatabaseHandle } from "./store/database.ts";

/** Plain numbers of the platform, all optional on input; see `options.ts` for the defaults. */
export interface PlatformLimits {
  /** Instances of kind `server` that one owner may have at a time. */
  readonly instancesPerOwner: number;
  readonly machinesPerOwner: number;
  /** Largest request body, in bytes; 4 MiB if left out. */
  readonly requestBytes: number;
}

export interface PlatformTimeouts {
  readonly launchMs: number;
  readonly stopMs: number;
  readonly toolCallMs: number;
  readonly healthMs: number;
}

/** What a host passes to `createPlatform()`. Only `database` is required; a part left out answers `NOT_CONFIGURED`. */
export interface PlatformOptions<ProviderName extends string = string> {
  /** From `sqlite()` or `postgres()`, or the host's own Kysely, which is never closed by the platform. */
  // biome-ignore lint/suspicious/noExplicitAny: a host's own Kysely has tables of its own, which do not matter here
  readonly database: DatabaseHandle | Kysely<any>;
  readonly providers?: Readonly<Record<ProviderName, Provider>>;
  /** Provider of new instances that name none; the only one if there is one. */
  readonly defaultProvider?: NoInfer<ProviderName>;
  readonly vault?: VaultPart;
  readonly scheduler?: SchedulerPart;
  readonly proxy?: ProxyPart;
  readonly plugins?: readonly Plugin[];
  /** Who sends this request? Null: nobody known, answered with 401. There is no default. */
  readonly authenticate?: (request: Request) => Promise<Actor | null> | Actor | null;
  /** Default: an actor may act on what it owns. See `rbac()`. */
  readonly authorize?: Authorizer;
  /** Refuse operations without an actor, in process too. */
  readonly requireActor?: boolean;
  readonly limits?: Partial<PlatformLimits>;
  /** Named rules; `false` turns one off. */
  readonly rateLimits?: Partial<Record<RateLimitName, RateLimitRule | false>>;
  readonly timeouts?: Partial<PlatformTimeouts>;
  /** How often a running instance is probed, in milliseconds; 30,000 if left out. */
  readonly healthIntervalMs?: number;
  /** Where the handler is mounted; `/moorage` if left out. */
  readonly basePath?: string;
  /** Prefix of the table names; `mcp_` if left out. */
  readonly tablePrefix?: string;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly ids?: IdFactory;
}

/** A platform. Construction does no I/O; `migrate()` and `start()` do. */
export interface Platform<ProviderName extends string = string> {
  readonly providers: readonly ProviderName[];
  /** Where the handler answers: `/moorage` unless the host chose otherwise. */
  readonly basePath: string;
  readonly catalog: Catalog;
  readonly instances: Instances<ProviderName>;
  readonly tools: Tools;
  readonly secrets: Secrets;
  readonly events: Events;
  readonly usage: Usage;
  readonly audit: Audit;
  stats(options?: ActorOptions): Promise<PlatformStats>;
  /** Answers HTTP requests below `basePath`. Never throws. */
  handler(request: Request): Promise<Response>;
  /** Brings the schema up to date. Safe while several processes do it at once. Returns the steps it ran. */
  migrate(options?: {
    readonly direction?: "up" | "down";
    readonly steps?: number;
  }): Promise<readonly string[]>;
  /** Brings rows and processes into agreement, then starts the scheduler. Concurrent calls share one run. */
  start(): Promise<void>;
  /** Runs one scheduled task, or all of them, now. */
  tick(task?: string): Promise<void>;
  /** Drains, stops what lives in this process, and leaves no handle open. Concurrent calls share one run. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
