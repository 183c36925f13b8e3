import { createAccess } from "./access/access.ts";
import { type AuditWriter, createAudit, createAuditWriter } from "./access/audit.ts";
import type { Access } from "./access/authorize.ts";
import { createRateLimits, type RateLimits } from "./access/limits.ts";
import { ownership } from "./access/ownership.ts";
import { createTokens, type Tokens } from "./access/tokens.ts";
import { createCatalog } from "./catalog/catalog.ts";
import { systemClock } from "./clock.ts";
import type { PartContext } from "./contracts/part.ts";
import type { McpProxy } from "./contracts/proxy.ts";
import { createEvents, EventHub } from "./event-hub.ts";
import { uuidV7 } from "./ids.ts";
import { ActivityLog } from "./instances/activity.ts";
import { DEFAULT_RESTART_POLICY } from "./instances/backoff.ts";
import type { InstanceDeps } from "./instances/deps.ts";
import { createInstances } from "./instances/instances.ts";
import { Reconciler } from "./instances/reconcile.ts";
import type { InstanceRuntime } from "./instances/runtime.ts";
import { Waker } from "./instances/wake.ts";
import { silentLogger } from "./logger.ts";
import type { PlainOptions } from "./options.ts";
import type { PlatformOptions } from "./platform-types.ts";
import { redactingLogger, SecretsInUse } from "./redact/secrets-in-use.ts";
import { RotationRestarts } from "./secrets/restarts.ts";
import { createSecrets } from "./secrets.ts";
import { createStats } from "./stats.ts";
import { countInstances } from "./store/instances.ts";
import { createLeaseStore } from "./store/leases.ts";
import { openDatabase } from "./store/open-database.ts";
import { findServer } from "./store/servers.ts";
import { insertToolCalls } from "./store/tool-calls.ts";
import { createTools } from "./tools.ts";
import { createUsage } from "./usage.ts";

/** The ground that every part stands on. */
export interface Ground extends PartContext {
  readonly events: EventHub;
  readonly secretsInUse: SecretsInUse;
}

/** Opens nothing: the database connects when it is first used. */
export function layGround(options: PlatformOptions, plain: PlainOptions): Ground {
  const { clock = systemClock, ids = uuidV7 } = options;
  const secretsInUse = new SecretsInUse(clock);
  const logger = redactingLogger(options.logger ?? silentLogger, secretsInUse);
  const { tablePrefix } = plain;
  const database = openDatabase(options.database, { tablePrefix, ...(options.clock ? { clock } : {}) });
  const hostId = ids();
  const leases = createLeaseStore(database, { owner: hostId });
  const events = new EventHub({ database, clock, ids, logger });
  const audit = createAuditWriter({ database, clock, ids, logger });
  return { database, clock, ids, logger, events, leases, audit, hostId, secretsInUse };
}

/** The checks that every operation makes. */
export interface Guards {
  readonly access: Access;
  readonly audit: AuditWriter;
  readonly tokens: Tokens;
  readonly rateLimits: RateLimits;
}

export function makeGuards(options: PlatformOptions, plain: PlainOptions, ground: Ground): Guards {
  const { audit } = ground;
  return {
    audit,
    access: createAccess({
      authorize: options.authorize ?? ownership(),
      requireActor: plain.requireActor,
      audit,
    }),
    tokens: createTokens(ground),
    rateLimits: createRateLimits(options.rateLimits ?? {}, { clock: ground.clock }),
  };
}

/** The life of instances, and the proxy that leads into them. */
export interface Engine {
  readonly runtime: InstanceRuntime;
  readonly reconciler: Reconciler;
  readonly activity: ActivityLog;
  readonly proxy: McpProxy | undefined;
}

export function buildEngine(
  options: PlatformOptions,
  plain: PlainOptions,
  base: { readonly ground: Ground; readonly guards: Guards },
): Engine {
  const { ground, guards } = base;
  let proxy: McpProxy | undefined;
  const runtime: InstanceRuntime = {
    ...ground,
    providers: new Map(Object.entries(options.providers ?? {})),
    vault: options.vault?.create(ground),
    proxy: () => proxy,
    timeouts: plain.timeouts,
    restartPolicy: DEFAULT_RESTART_POLICY,
    random: Math.random,
    findServer: (serverId) => findServer(ground.database.connection, serverId),
  };
  const reconciler = new Reconciler(runtime);
  const activity = new ActivityLog(runtime);
  const waker = new Waker(runtime, reconciler);
  proxy = options.proxy?.create({
    ...ground,
    acquire: (instanceId, callOptions) => waker.acquire(instanceId, callOptions),
    recordToolCalls: (records) => insertToolCalls(ground.database.connection, records),
    redact: (instanceId, value) => ground.secretsInUse.redact(instanceId, value),
    touch: (instanceId) => activity.touch(instanceId),
    limitToolCall: (actor) => guards.rateLimits.consume("toolCall", actor ? { actor } : {}),
  });
  return { runtime, reconciler, activity, proxy };
}

/** Everything a host or a request can ask of the platform. */
export function offerServices(
  options: PlatformOptions,
  plain: PlainOptions,
  base: { readonly ground: Ground; readonly guards: Guards; readonly engine: Engine },
) {
  const { ground, guards, engine } = base;
  const { database, events } = ground;
  const { connection } = database;
  const deps: InstanceDeps = {
    ...guards,
    ...engine,
    limits: plain.limits,
    defaultProvider: options.defaultProvider,
  };
  return {
    catalog: createCatalog({
      ...ground,
      ...guards,
      vault: engine.runtime.vault,
      countInstances: (serverId) => countInstances(connection, { serverId }),
    }),
    instances: createInstances(deps),
    tools: createTools({ ...engine, access: guards.access }),
    secrets: createSecrets({ ...engine, access: guards.access, restarts: new RotationRestarts(engine) }),
    events: createEvents({ hub: events, access: guards.access, connection }),
    usage: createUsage({ access: guards.access, connection, clock: ground.clock }),
    audit: createAudit({ database, access: guards.access }),
    stats: createStats({ access: guards.access, connection }),
  };
}

export type Services = ReturnType<typeof offerServices>;
