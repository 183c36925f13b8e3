import type { Actor, ActorOptions } from "./access/actor.ts";
import type { ServerDefinition, ServerDefinitionSource } from "./catalog/server-definition.ts";
import type { LogLine, LogQuery, ResourceStats } from "./contracts/provider.ts";
import type { McpItem, ProxyCallOptions, ToolCallAnswer, ToolCallRecord } from "./contracts/proxy.ts";
import type {
  MasterKeyStatus,
  RewrapOptions,
  RewrapResult,
  SecretMetadata,
  SecretScope,
  SecretUsage,
} from "./contracts/vault.ts";
import type { PlatformEvent, PlatformEventType } from "./events.ts";
import type { Instance } from "./instances/instance.ts";
import type { Page, PageQuery } from "./pages.ts";

/**
 * The operations of a platform. Every one takes the actor last and checks it; without one the caller is the
 * host's own code. Each operation parses its input with a schema and throws `INVALID_INPUT` before it does
 * anything, whatever the types say.
 */

export interface OwnedQuery extends PageQuery {
  /** Rows of this owner only; for callers who may see several. */
  readonly ownerId?: string;
}

export interface Catalog {
  /** Adds a server definition; see `serverDefinitionSchema` for the input. */
  register(
    definition: ServerDefinitionSource,
    options?: ActorOptions & { readonly ownerId?: string },
  ): Promise<ServerDefinition>;
  get(serverId: string, options?: ActorOptions): Promise<ServerDefinition>;
  list(
    query?: OwnedQuery & { readonly search?: string },
    options?: ActorOptions,
  ): Promise<Page<ServerDefinition>>;
  /** Changes some members; a change of what would run needs a new approval. */
  update(
    serverId: string,
    changes: Partial<ServerDefinitionSource>,
    options?: ActorOptions,
  ): Promise<ServerDefinition>;
  /** Refused with `CONFLICT` while instances of it exist. Secrets that its own owner keeps for it go with it. */
  remove(serverId: string, options?: ActorOptions): Promise<void>;
  /** Allows the definition with exactly this hash to run on the host. */
  approve(
    serverId: string,
    approval: { readonly hash: string },
    options?: ActorOptions,
  ): Promise<ServerDefinition>;
  /** Takes a registry `server.json`, or an `mcpServers`/`servers` configuration, and registers what it names. */
  import(
    source: unknown,
    options?: ActorOptions & { readonly ownerId?: string },
  ): Promise<readonly ServerDefinition[]>;
}

export interface InstanceQuery extends OwnedQuery {
  readonly serverId?: string;
  readonly state?: Instance["state"];
  readonly includeDeleted?: boolean;
}

export interface AccessToken {
  readonly id: string;
  readonly instanceId: string;
  readonly name: string;
  readonly hint: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
}

/** Input of `instances.create`: which server, where, with which variables, for how long. */
export interface InstanceInput<ProviderName extends string = string> {
  readonly serverId: string;
  readonly name?: string;
  readonly provider?: ProviderName;
  /** Literals, `secret:<name>` references, or literals of secret variables, which are sealed on entry. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly providerOptions?: Readonly<Record<string, unknown>>;
  readonly ttlSeconds?: number | null;
  readonly idleSeconds?: number | null;
  readonly onIdle?: Instance["onIdle"];
  readonly isolation?: Instance["isolation"];
  /** `environment` if left out. */
  readonly secretDelivery?: Instance["secretDelivery"];
  /** `false` if left out. */
  readonly restartOnRotation?: boolean;
  /** `false`: created, but not started. */
  readonly enabled?: boolean;
  /** Whose it is; for the host's own code, which has no actor. */
  readonly ownerId?: string;
}

export type InstanceChanges = Partial<Omit<InstanceInput, "serverId" | "provider" | "ownerId">>;

export interface Instances<ProviderName extends string = string> {
  /** Creates, and unless `enabled: false`, starts it. With `wait: false` it returns while it is starting. */
  create(
    input: InstanceInput<ProviderName>,
    options?: ActorOptions & { readonly wait?: boolean },
  ): Promise<Instance>;
  get(instanceId: string, options?: ActorOptions): Promise<Instance>;
  list(query?: InstanceQuery, options?: ActorOptions): Promise<Page<Instance>>;
  /** Changes name, environment, timing; what runs keeps its environment until it is restarted. */
  update(instanceId: string, changes: InstanceChanges, options?: ActorOptions): Promise<Instance>;
  start(instanceId: string, options?: ActorOptions): Promise<Instance>;
  stop(instanceId: string, options?: ActorOptions): Promise<Instance>;
  restart(instanceId: string, options?: ActorOptions): Promise<Instance>;
  /** Starts again what expired, crashed or was lost with its host. */
  restore(instanceId: string, options?: ActorOptions): Promise<Instance>;
  /** Says that it is in use: moves `autoStopAt`. */
  touch(instanceId: string, options?: ActorOptions): Promise<Instance>;
  remove(instanceId: string, options?: ActorOptions): Promise<void>;
  logs(instanceId: string, query?: LogQuery, options?: ActorOptions): Promise<readonly LogLine[]>;
  stats(instanceId: string, options?: ActorOptions): Promise<ResourceStats>;
  /** The token's text is in this answer and nowhere else; the database holds its hash. */
  createToken(
    instanceId: string,
    input?: { readonly name?: string; readonly ttlSeconds?: number },
    options?: ActorOptions,
  ): Promise<AccessToken & { readonly token: string }>;
  /** Revokes one token, or all of the instance. Returns how many. */
  revokeTokens(
    instanceId: string,
    input?: { readonly tokenId?: string },
    options?: ActorOptions,
  ): Promise<number>;
}

export interface ToolCallQuery extends OwnedQuery {
  readonly instanceId?: string;
  readonly tool?: string;
  readonly status?: ToolCallRecord["status"];
}

export interface Tools {
  list(instanceId: string, options?: ProxyCallOptions): Promise<readonly McpItem[]>;
  listResources(instanceId: string, options?: ProxyCallOptions): Promise<readonly McpItem[]>;
  listPrompts(instanceId: string, options?: ProxyCallOptions): Promise<readonly McpItem[]>;
  call(
    instanceId: string,
    call: { readonly name: string; readonly arguments?: Readonly<Record<string, unknown>> },
    options?: ProxyCallOptions,
  ): Promise<ToolCallAnswer>;
  /** Calls that ended, newest first. */
  history(query?: ToolCallQuery, options?: ActorOptions): Promise<Page<ToolCallRecord>>;
  /** One request of MCP Streamable HTTP. */
  handle(request: Request, target: { readonly instanceId: string; readonly actor: Actor }): Promise<Response>;
}

/** Names a secret: the actor's own, unless `ownerId` says otherwise; of the owner at large, unless `scope` does. */
export interface SecretName {
  readonly name: string;
  readonly ownerId?: string;
  readonly scope?: SecretScope;
}

export interface SecretValue extends SecretName {
  readonly value: string;
  /** Null for never; if left out, a put sets 90 and a rotation keeps what it has. */
  readonly rotateAfterDays?: number | null;
}

export interface Secrets {
  /** Stores a secret, or a new version of the one of that name. */
  put(secret: SecretValue, options?: ActorOptions): Promise<SecretMetadata>;
  list(
    query?: OwnedQuery & { readonly scope?: SecretScope },
    options?: ActorOptions,
  ): Promise<Page<SecretMetadata>>;
  /** Replaces the value of an existing secret; running instances that asked for it are restarted. */
  rotate(
    secret: SecretValue & { readonly graceSeconds?: number },
    options?: ActorOptions,
  ): Promise<SecretMetadata>;
  /** Which instances refer to it, to whom it was granted, and when it was opened last. */
  usage(
    secret: SecretName,
    options?: ActorOptions,
  ): Promise<SecretUsage & { readonly instances: readonly string[] }>;
  /** Lets another instance of the same owner use an instance's secret. */
  grant(secret: SecretName & { readonly toInstanceId: string }, options?: ActorOptions): Promise<void>;
  revoke(secret: SecretName & { readonly toInstanceId: string }, options?: ActorOptions): Promise<void>;
  remove(secret: SecretName, options?: ActorOptions): Promise<void>;
  /** The vault's master keys. For the host's own code alone. */
  readonly masterKeys: {
    list(): Promise<readonly MasterKeyStatus[]>;
    rewrap(options?: RewrapOptions): Promise<RewrapResult>;
    purge(keyId: string): Promise<void>;
  };
}

export interface EventQuery extends OwnedQuery {
  readonly type?: PlatformEventType;
  readonly subjectId?: string;
  /** Events after this sequence, oldest first; without it the newest come first. */
  readonly after?: number;
}

export interface Events {
  /** Calls `listener` for every event that this process brings about, after it was committed. Returns the way out. */
  on<Type extends PlatformEventType>(type: Type, listener: (event: PlatformEvent<Type>) => void): () => void;
  onAny(listener: (event: PlatformEvent) => void): () => void;
  list(query?: EventQuery, options?: ActorOptions): Promise<Page<PlatformEvent>>;
}

export interface UsageInterval {
  readonly id: string;
  readonly ownerId: string;
  readonly instanceId: string;
  readonly provider: string;
  readonly generation: number;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly durationSeconds: number;
  /** Decimal text, nano-dollars. */
  readonly costNanoDollars: string;
}

export interface CostSummary {
  readonly ownerId: string | null;
  readonly periodDays: number;
  readonly usageCount: number;
  readonly totalSeconds: number;
  readonly totalCostCents: number;
  readonly totalCostDollars: string;
}

export interface Usage {
  list(
    query?: OwnedQuery & { readonly instanceId?: string },
    options?: ActorOptions,
  ): Promise<Page<UsageInterval>>;
  costs(
    query?: { readonly days?: number; readonly ownerId?: string },
    options?: ActorOptions,
  ): Promise<CostSummary>;
}

export interface AuditEntry {
  readonly id: string;
  readonly actorId: string | null;
  readonly ownerId: string | null;
  /** `noun.verb`. */
  readonly action: string;
  readonly subjectType: string;
  readonly subjectId: string | null;
  readonly outcome: "allowed" | "denied" | "failed";
  readonly details: Readonly<Record<string, unknown>> | null;
  readonly createdAt: string;
}

export interface Audit {
  list(
    query?: OwnedQuery & { readonly action?: string; readonly subjectId?: string },
    options?: ActorOptions,
  ): Promise<Page<AuditEntry>>;
}

/** Counts for a dashboard: of the actor's rows, or of all for those who may see them. */
export interface PlatformStats {
  readonly servers: number;
  readonly instances: Readonly<Record<string, number>>;
  readonly toolCalls: {
    readonly total: number;
    readonly failed: number;
    readonly averageDurationMs: number | null;
  };
}
