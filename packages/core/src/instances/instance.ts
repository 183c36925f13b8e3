import type { ErrorCode } from "../errors.ts";

/** What was asked for. */
export const DESIRED_STATES = ["running", "stopped", "deleted"] as const;
export type DesiredState = (typeof DESIRED_STATES)[number];

/** What is. */
export const INSTANCE_STATES = [
  "pending",
  "starting",
  "running",
  "stopping",
  "stopped",
  "suspended",
  "failed",
  "deleted",
] as const;
export type InstanceState = (typeof INSTANCE_STATES)[number];

/** What the probes say; three failed ones in a row make an instance unhealthy. */
export const HEALTH_STATES = ["unknown", "healthy", "unhealthy"] as const;
export type HealthState = (typeof HEALTH_STATES)[number];

/** Why it is in the state it is in. */
export const STATE_REASONS = [
  "requested",
  "expired",
  "idle",
  "crashed",
  "crash_loop",
  "launch_failed",
  "limit",
  "host_lost",
  "quota",
] as const;
export type StateReason = (typeof STATE_REASONS)[number];

export const IDLE_ACTIONS = ["stop", "suspend", "destroy"] as const;
export type IdleAction = (typeof IDLE_ACTIONS)[number];

/** How secrets reach a server. */
export const SECRET_DELIVERIES = ["environment", "file"] as const;
export type SecretDelivery = (typeof SECRET_DELIVERIES)[number];

export const ISOLATIONS = ["shared", "session"] as const;
export type Isolation = (typeof ISOLATIONS)[number];

/** One copy of a server (or one user's machine), as stored. All times are ISO-8601 UTC text. */
export interface Instance {
  readonly id: string;
  readonly ownerId: string;
  readonly serverId: string | null;
  readonly kind: "server" | "machine";
  readonly name: string;
  /** Name of the provider, a key of the host's `providers`. */
  readonly provider: string;
  readonly desired: DesiredState;
  readonly state: InstanceState;
  readonly health: HealthState;
  readonly reason: StateReason | null;
  /** The last failure, in words for a person. No secrets. */
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
  /** Variable name to a literal or a secret reference; never a secret. */
  readonly environment: Readonly<Record<string, string>>;
  readonly providerOptions: Readonly<Record<string, unknown>> | null;
  readonly isolation: Isolation;
  readonly secretDelivery: SecretDelivery;
  /** Restart when a secret that it was started with is rotated. */
  readonly restartOnRotation: boolean;
  readonly onIdle: IdleAction;
  readonly ttlSeconds: number | null;
  readonly idleSeconds: number | null;
  readonly enabled: boolean;
  readonly expiresAt: string | null;
  readonly autoStopAt: string | null;
  readonly lastActivityAt: string | null;
  readonly lastHealthCheckAt: string | null;
  readonly healthFailures: number;
  readonly restartCount: number;
  /** Earliest time of the next start after a crash. */
  readonly nextAttemptAt: string | null;
  readonly startedAt: string | null;
  readonly stoppedAt: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly deletedAt: string | null;
  /** Grows with every write; a write names the version it saw. */
  readonly version: number;
  /** Grows with every launch; see `LaunchRequest`. */
  readonly generation: number;
  readonly resourceId: string | null;
  /** The replica that holds the resource, for providers whose resources die with their host. */
  readonly hostId: string | null;
}
