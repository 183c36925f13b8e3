import type { Selectable } from "kysely";
import type { Instance } from "../instances/instance.ts";
import { decodeJson, encodeJson } from "./codec.ts";
import type { InstanceRow } from "./schema.ts";

/** Members of an instance that a write may set; the rest is fixed at creation or kept by the store. */
export type InstancePatch = Partial<
  Omit<Instance, "id" | "ownerId" | "serverId" | "kind" | "provider" | "createdAt" | "version">
> & { readonly expiringNotifiedAt?: string | null };

const COLUMNS = {
  name: "name",
  desired: "desired",
  state: "state",
  health: "health",
  reason: "reason",
  isolation: "isolation",
  secretDelivery: "secret_delivery",
  onIdle: "on_idle",
  ttlSeconds: "ttl_seconds",
  idleSeconds: "idle_seconds",
  expiresAt: "expires_at",
  autoStopAt: "auto_stop_at",
  lastActivityAt: "last_activity_at",
  lastHealthCheckAt: "last_health_check_at",
  healthFailures: "health_failures",
  restartCount: "restart_count",
  nextAttemptAt: "next_attempt_at",
  startedAt: "started_at",
  stoppedAt: "stopped_at",
  updatedAt: "updated_at",
  deletedAt: "deleted_at",
  generation: "generation",
  resourceId: "resource_id",
  hostId: "host_id",
  expiringNotifiedAt: "expiring_notified_at",
} as const satisfies Partial<Record<keyof InstancePatch, keyof InstanceRow>>;

const decode = <Value>(text: string, column: string) => decodeJson<Value>(text, `mcp_instances.${column}`);

/** A stored row as the platform's instance. */
export function toInstance(row: Selectable<InstanceRow>): Instance {
  return {
    id: row.id,
    ownerId: row.owner_id,
    serverId: row.server_id,
    kind: row.kind as Instance["kind"],
    name: row.name,
    provider: row.provider,
    desired: row.desired as Instance["desired"],
    state: row.state as Instance["state"],
    health: row.health as Instance["health"],
    reason: row.reason as Instance["reason"],
    error: row.error === null ? null : decode<Instance["error"]>(row.error, "error"),
    environment: decode<Instance["environment"]>(row.environment, "environment"),
    providerOptions:
      row.provider_options === null
        ? null
        : decode<Instance["providerOptions"]>(row.provider_options, "provider_options"),
    isolation: row.isolation as Instance["isolation"],
    secretDelivery: row.secret_delivery as Instance["secretDelivery"],
    restartOnRotation: row.restart_on_rotation === 1,
    onIdle: row.on_idle as Instance["onIdle"],
    enabled: row.enabled === 1,
    ...timesOf(row),
    version: Number(row.version),
    generation: Number(row.generation),
    resourceId: row.resource_id,
    hostId: row.host_id,
  };
}

function timesOf(row: Selectable<InstanceRow>) {
  return {
    ttlSeconds: row.ttl_seconds,
    idleSeconds: row.idle_seconds,
    expiresAt: row.expires_at,
    autoStopAt: row.auto_stop_at,
    lastActivityAt: row.last_activity_at,
    lastHealthCheckAt: row.last_health_check_at,
    healthFailures: row.health_failures,
    restartCount: row.restart_count,
    nextAttemptAt: row.next_attempt_at,
    startedAt: row.started_at,
    stoppedAt: row.stopped_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deletedAt: row.deleted_at,
  };
}

/** The columns a patch sets; members that are undefined are left as they are. */
export function patchColumns(patch: InstancePatch): Partial<InstanceRow> {
  const columns: Record<string, unknown> = {};
  for (const [member, column] of Object.entries(COLUMNS)) {
    const value = patch[member as keyof typeof COLUMNS];
    if (value !== undefined) columns[column] = value;
  }
  if (patch.enabled !== undefined) columns.enabled = patch.enabled ? 1 : 0;
  if (patch.restartOnRotation !== undefined) columns.restart_on_rotation = patch.restartOnRotation ? 1 : 0;
  if (patch.error !== undefined) columns.error = patch.error === null ? null : encodeJson(patch.error);
  if (patch.environment !== undefined) columns.environment = encodeJson(patch.environment);
  if (patch.providerOptions !== undefined) {
    columns.provider_options = patch.providerOptions === null ? null : encodeJson(patch.providerOptions);
  }
  return columns as Partial<InstanceRow>;
}

/** A whole new row, unclaimed. */
export function newInstanceRow(instance: Instance): InstanceRow {
  return {
    ...(patchColumns(instance) as InstanceRow),
    id: instance.id,
    owner_id: instance.ownerId,
    server_id: instance.serverId,
    kind: instance.kind,
    provider: instance.provider,
    created_at: instance.createdAt,
    version: instance.version,
    claim_owner: null,
    claim_until: null,
    fence: 0,
    expiring_notified_at: null,
  };
}
