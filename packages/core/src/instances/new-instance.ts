import type { ServerDefinition } from "../catalog/server-definition.ts";
import { isoTime } from "../clock.ts";
import type { Instance } from "./instance.ts";
import type { ParsedInstanceInput } from "./instance-schema.ts";

/** The row of a new instance, as it is before anything has started. `now`: milliseconds since the epoch. */
export function newInstance(
  now: number,
  from: {
    readonly input: ParsedInstanceInput;
    readonly definition: ServerDefinition;
    readonly identity: Pick<Instance, "id" | "ownerId" | "provider">;
  },
): Instance {
  const { input, definition, identity } = from;
  const enabled = input.enabled ?? true;
  const ttlSeconds = input.ttlSeconds ?? null;
  return {
    ...identity,
    ...BLANK,
    serverId: definition.id,
    name: input.name ?? definition.title ?? definition.name,
    desired: enabled ? "running" : "stopped",
    state: enabled ? "pending" : "stopped",
    providerOptions: input.providerOptions ?? null,
    isolation: input.isolation ?? "shared",
    secretDelivery: input.secretDelivery ?? "environment",
    restartOnRotation: input.restartOnRotation ?? false,
    onIdle: input.onIdle ?? "stop",
    ttlSeconds,
    idleSeconds: input.idleSeconds ?? null,
    enabled,
    expiresAt: ttlSeconds === null ? null : isoTime(now + ttlSeconds * 1000),
    createdAt: isoTime(now),
    updatedAt: isoTime(now),
  };
}

const BLANK = {
  kind: "server",
  health: "unknown",
  reason: null,
  error: null,
  environment: {},
  autoStopAt: null,
  lastActivityAt: null,
  lastHealthCheckAt: null,
  healthFailures: 0,
  restartCount: 0,
  nextAttemptAt: null,
  startedAt: null,
  stoppedAt: null,
  deletedAt: null,
  version: 1,
  generation: 0,
  resourceId: null,
  hostId: null,
} as const satisfies Partial<Instance>;
