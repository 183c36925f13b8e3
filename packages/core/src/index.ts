export type { Actor, ActorOptions } from "./access/actor.ts";
export type { AuditWriter, NewAuditEntry } from "./access/audit-writer.ts";
export {
  ACTIONS,
  type Access,
  type AccessRequest,
  type AccessSubject,
  type Action,
  type Authorizer,
} from "./access/authorize.ts";
export {
  DEFAULT_RATE_LIMITS,
  type RateLimitName,
  type RateLimitRule,
  type RateLimitRules,
  type RateLimits,
} from "./access/limits.ts";
export { ownership } from "./access/ownership.ts";
export { type RbacOptions, rbac } from "./access/rbac.ts";
export { launchArguments } from "./catalog/approval.ts";
export { serverDefinitionSchema } from "./catalog/definition-schema.ts";
export {
  type CheckEnvironmentOptions,
  type CheckedEnvironment,
  checkEnvironment,
  withDefaults,
} from "./catalog/environment.ts";
export { isForbiddenVariable } from "./catalog/forbidden-variables.ts";
export type {
  EnvironmentVariable,
  EnvironmentVariableSource,
  HealthCheck,
  ServerApproval,
  ServerDefinition,
  ServerDefinitionInput,
  ServerDefinitionSource,
  ServerPackage,
  ServerPackageSource,
  ServerRemote,
  ServerRemoteSource,
} from "./catalog/server-definition.ts";
export { type Clock, isoTime, sleep, systemClock } from "./clock.ts";
export type { Part, PartContext } from "./contracts/part.ts";
export type { Plugin, PluginService } from "./contracts/plugin.ts";
export {
  type CallOptions,
  type Endpoint,
  type LaunchRequest,
  type LogLine,
  type LogQuery,
  type MachineAccess,
  type Provider,
  type Resource,
  type ResourceLimits,
  type ResourceState,
  type ResourceStats,
  RUNTIME_TYPES,
  type Runtime,
  type RuntimeType,
  type StopOptions,
  type TransportKind,
} from "./contracts/provider.ts";
export type {
  McpItem,
  McpProxy,
  ProxyCallOptions,
  ProxyContext,
  ProxyPart,
  ToolCallAnswer,
  ToolCallRecord,
  Upstream,
} from "./contracts/proxy.ts";
export type { ScheduledTask, Scheduler, SchedulerPart } from "./contracts/scheduler.ts";
export type { JsonRpcMessage, Transport } from "./contracts/transport.ts";
export type {
  MasterKeyStatus,
  ResolvedEnvironment,
  RewrapOptions,
  RewrapResult,
  SecretAddress,
  SecretInput,
  SecretMetadata,
  SecretResolution,
  SecretRotation,
  SecretScope,
  SecretUsage,
  Vault,
  VaultPart,
  VaultWriteOptions,
} from "./contracts/vault.ts";
export {
  ERROR_CODES,
  type ErrorCode,
  type ErrorDetails,
  type ErrorDetailsByCode,
  type InputIssue,
  isPlatformError,
  PlatformError,
  type PlatformErrorOptions,
  toPlatformError,
} from "./errors.ts";
export type {
  EventPublisher,
  InstanceEventData,
  NewEvent,
  PlatformEvent,
  PlatformEvents,
  PlatformEventType,
  SecretEventData,
} from "./events.ts";
export { type IdFactory, uuidV7 } from "./ids.ts";
export { invalidInput, parseInput } from "./input.ts";
export {
  DESIRED_STATES,
  type DesiredState,
  HEALTH_STATES,
  type HealthState,
  IDLE_ACTIONS,
  type IdleAction,
  INSTANCE_STATES,
  type Instance,
  type InstanceState,
  ISOLATIONS,
  type Isolation,
  SECRET_DELIVERIES,
  type SecretDelivery,
  STATE_REASONS,
  type StateReason,
} from "./instances/instance.ts";
export { type Logger, silentLogger } from "./logger.ts";
export type { Page, PageQuery } from "./pages.ts";
export { createPlatform } from "./platform.ts";
export type { Platform, PlatformLimits, PlatformOptions, PlatformTimeouts } from "./platform-types.ts";
export { createRedactor, type Redactor } from "./redact/redactor.ts";
export type { StreamRedactor } from "./redact/stream-redactor.ts";
export type {
  AccessToken,
  Audit,
  AuditEntry,
  Catalog,
  CostSummary,
  EventQuery,
  Events,
  InstanceChanges,
  InstanceInput,
  InstanceQuery,
  Instances,
  OwnedQuery,
  PlatformStats,
  SecretName,
  Secrets,
  SecretValue,
  ToolCallQuery,
  Tools,
  Usage,
  UsageInterval,
} from "./services.ts";
export type {
  Connection,
  Database,
  DatabaseHandle,
  Dialect,
  Migration,
  Migrations,
} from "./store/database.ts";
export { createLeaseStore, type LeaseStore, type LeaseStoreOptions } from "./store/leases.ts";
export { type MigrateOptions, migrate as migrateDatabase } from "./store/migrate.ts";
export { coreMigrations } from "./store/migrations.ts";
export { type OpenDatabaseOptions, openDatabase } from "./store/open-database.ts";
export { type PageWindow, pageById } from "./store/pages.ts";
