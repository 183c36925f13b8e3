import type { Actor } from "../access/actor.ts";
import type { ServerDefinition } from "../catalog/server-definition.ts";
import type { ToolCallAnswer } from "../contracts/proxy.ts";
import type { SecretMetadata } from "../contracts/vault.ts";
import type { Instance } from "../instances/instance.ts";
import type { AccessToken, CostSummary, PlatformStats } from "../services.ts";

/** One row of each kind, for tests of the HTTP layer. */
export const AT = "2026-11-01T00:00:00.000Z";
export const ALICE: Actor = { id: "alice" };

export const SERVER: ServerDefinition = {
  id: "server-1",
  ownerId: "alice",
  name: "io.example/echo",
  title: null,
  description: "Echoes.",
  version: null,
  visibility: "private",
  tags: [],
  packages: [],
  remotes: [],
  healthCheck: { path: "/health", intervalSeconds: 30, timeoutSeconds: 5, failureThreshold: 3 },
  resources: null,
  metadata: {},
  approval: { status: "not_required", hash: "h1", commands: [], approvedBy: null, approvedAt: null },
  createdAt: AT,
  updatedAt: AT,
  deletedAt: null,
};

export const INSTANCE: Instance = {
  id: "instance-1",
  ownerId: "alice",
  serverId: "server-1",
  kind: "server",
  name: "my echo",
  provider: "local",
  desired: "running",
  state: "running",
  health: "healthy",
  reason: null,
  error: null,
  environment: {},
  providerOptions: null,
  isolation: "shared",
  secretDelivery: "environment",
  restartOnRotation: false,
  onIdle: "stop",
  ttlSeconds: null,
  idleSeconds: null,
  enabled: true,
  expiresAt: null,
  autoStopAt: null,
  lastActivityAt: null,
  lastHealthCheckAt: null,
  healthFailures: 0,
  restartCount: 0,
  nextAttemptAt: null,
  startedAt: AT,
  stoppedAt: null,
  createdAt: AT,
  updatedAt: AT,
  deletedAt: null,
  version: 7,
  generation: 2,
  resourceId: "pid-1",
  hostId: "host-a",
};

export const SECRET: SecretMetadata = {
  ownerId: "alice",
  scope: { kind: "owner" },
  name: "TOKEN",
  hint: null,
  version: 1,
  keyId: "k1",
  createdAt: AT,
  updatedAt: AT,
  rotatedAt: null,
  expiresAt: null,
  previousUntil: null,
  lastUsedAt: null,
};

export const TOKEN: AccessToken = {
  id: "token-1",
  instanceId: "instance-1",
  name: "phone",
  hint: "abcd",
  createdAt: AT,
  expiresAt: null,
  lastUsedAt: null,
};

export const ANSWER: ToolCallAnswer = {
  callId: "call-1",
  status: "success",
  result: { content: [] },
  durationMs: 3,
  retries: 0,
  createdAt: AT,
};

export const COSTS: CostSummary = {
  ownerId: "alice",
  periodDays: 30,
  usageCount: 0,
  totalSeconds: 0,
  totalCostCents: 0,
  totalCostDollars: "0.00",
};

export const STATS: PlatformStats = {
  servers: 1,
  instances: { running: 1 },
  toolCalls: { total: 0, failed: 0, averageDurationMs: null },
};
