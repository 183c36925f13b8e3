import { z } from "@hono/zod-openapi";
import type { ServerDefinition } from "../catalog/server-definition.ts";
import {
  DESIRED_STATES,
  HEALTH_STATES,
  IDLE_ACTIONS,
  INSTANCE_STATES,
  type Instance,
  ISOLATIONS,
  SECRET_DELIVERIES,
  STATE_REASONS,
} from "../instances/instance.ts";

/** Demands a schema for every member of a type, so that a new member does not compile until it is documented. */
export type Members<Value> = { readonly [Key in keyof Value]-?: z.ZodType };

/** ISO-8601 UTC text, as all times are. */
export const time = z.string().openapi({ format: "date-time" });
/** A JSON object of whatever its maker put in. */
export const anything = z.record(z.string(), z.unknown());
/** A whole number. */
export const count = z.number().int();

const environmentVariable = z
  .object({
    name: z.string(),
    type: z.enum(["string", "integer", "number", "boolean"]),
    description: z.string(),
    isRequired: z.boolean(),
    isSecret: z.boolean(),
    default: z.string().nullable(),
    format: z.string().optional(),
    choices: z.array(z.string()).optional(),
  })
  .openapi("EnvironmentVariable");

const transportKind = z.enum(["stdio", "streamable-http", "sse"]);

const serverPackage = z
  .object({
    registryType: z.enum(["command", "npm", "pypi", "oci"]),
    identifier: z.string().optional(),
    version: z.string().optional(),
    command: z.string().optional(),
    args: z.array(z.string()),
    transport: z.object({ type: transportKind }),
    environmentVariables: z.array(environmentVariable),
  })
  .openapi("ServerPackage");

const serverRemote = z
  .object({
    type: z.enum(["streamable-http", "sse"]),
    url: z.string(),
    headers: z.array(environmentVariable),
  })
  .openapi("ServerRemote");

const serverApproval = z
  .object({
    status: z.enum(["not_required", "pending", "approved"]),
    hash: z.string(),
    commands: z.array(z.string()),
    approvedBy: z.string().nullable(),
    approvedAt: time.nullable(),
  })
  .openapi("ServerApproval");

/** A {@link ServerDefinition}, all of it. */
export const serverView = z
  .object({
    id: z.string(),
    ownerId: z.string(),
    name: z.string(),
    title: z.string().nullable(),
    description: z.string(),
    version: z.string().nullable(),
    visibility: z.enum(["private", "public"]),
    tags: z.array(z.string()),
    packages: z.array(serverPackage),
    remotes: z.array(serverRemote),
    healthCheck: z.object({
      path: z.string(),
      intervalSeconds: z.number(),
      timeoutSeconds: z.number(),
      failureThreshold: count,
    }),
    resources: z
      .object({
        cpus: z.number().optional(),
        memoryMb: z.number().optional(),
        diskMb: z.number().optional(),
        bestEffort: z.boolean().optional(),
      })
      .nullable(),
    metadata: anything,
    approval: serverApproval,
    createdAt: time,
    updatedAt: time,
    deletedAt: time.nullable(),
  } satisfies Members<ServerDefinition>)
  .openapi("ServerDefinition");

/** An {@link Instance} without what only replicas need of each other. */
export type PublicInstance = Omit<Instance, "version" | "hostId">;

/** A {@link PublicInstance}, all of it. */
export const instanceView = z
  .object({
    id: z.string(),
    ownerId: z.string(),
    serverId: z.string().nullable(),
    kind: z.enum(["server", "machine"]),
    name: z.string(),
    provider: z.string(),
    desired: z.enum(DESIRED_STATES),
    state: z.enum(INSTANCE_STATES),
    health: z.enum(HEALTH_STATES),
    reason: z.enum(STATE_REASONS).nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    environment: z.record(z.string(), z.string()),
    providerOptions: anything.nullable(),
    isolation: z.enum(ISOLATIONS),
    secretDelivery: z.enum(SECRET_DELIVERIES),
    restartOnRotation: z.boolean(),
    onIdle: z.enum(IDLE_ACTIONS),
    ttlSeconds: count.nullable(),
    idleSeconds: count.nullable(),
    enabled: z.boolean(),
    expiresAt: time.nullable(),
    autoStopAt: time.nullable(),
    lastActivityAt: time.nullable(),
    lastHealthCheckAt: time.nullable(),
    healthFailures: count,
    restartCount: count,
    nextAttemptAt: time.nullable(),
    startedAt: time.nullable(),
    stoppedAt: time.nullable(),
    createdAt: time,
    updatedAt: time,
    deletedAt: time.nullable(),
    generation: count,
    resourceId: z.string().nullable(),
  } satisfies Members<PublicInstance>)
  .openapi("Instance");

/** What HTTP shows of an instance. */
export function toInstanceView(instance: Instance): PublicInstance {
  const { version: _version, hostId: _hostId, ...view } = instance;
  return view;
}
