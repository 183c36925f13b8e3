import { z } from "@hono/zod-openapi";
import type { LogLine, ResourceStats } from "../contracts/provider.ts";
import type { ToolCallAnswer, ToolCallRecord } from "../contracts/proxy.ts";
import type { SecretMetadata, SecretUsage } from "../contracts/vault.ts";
import type { PlatformEvent } from "../events.ts";
import type { AccessToken, AuditEntry } from "../services.ts";
import { anything, count, type Members, time } from "./views.ts";

/** The shape of every list. */
export function pageOf(item: z.ZodType) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

/** The answer to `POST /instances/:id/tools/:name`. */
export const toolCallView = z
  .object({
    callId: z.string(),
    status: z.enum(["success", "failed"]),
    result: anything,
    durationMs: z.number(),
    retries: count,
    createdAt: time,
  } satisfies Members<ToolCallAnswer>)
  .openapi("ToolCall");

/** One row of `GET /tool-calls`. */
export const toolCallRecordView = z
  .object({
    id: z.string(),
    ownerId: z.string(),
    actorId: z.string().nullable(),
    instanceId: z.string(),
    serverId: z.string().nullable(),
    sessionId: z.string().nullable(),
    tool: z.string(),
    arguments: z.unknown(),
    result: z.unknown(),
    status: z.enum(["success", "failed", "timeout"]),
    errorMessage: z.string().nullable(),
    durationMs: z.number(),
    retries: count,
    createdAt: time,
  } satisfies Members<ToolCallRecord>)
  .openapi("ToolCallRecord");

/** A tool, a resource or a prompt, as its server describes it. */
export const mcpItemView = z.looseObject({ name: z.string() }).openapi("McpItem");

/** One line of `GET /instances/:id/logs`. */
export const logLineView = z
  .object({ at: time, stream: z.enum(["stdout", "stderr"]), text: z.string() } satisfies Members<LogLine>)
  .openapi("LogLine");

/** The answer to `GET /instances/:id/stats`. */
export const resourceStatsView = z
  .object({
    cpuPercent: z.number(),
    memoryBytes: z.number(),
    pid: count.optional(),
    uptimeMs: z.number(),
  } satisfies Members<ResourceStats>)
  .openapi("ResourceStats");

/** A secret without its value, which no route gives. */
export const secretView = z
  .object({
    ownerId: z.string(),
    scope: z.object({ kind: z.enum(["owner", "instance", "server"]), id: z.string().optional() }),
    name: z.string(),
    hint: z.string().nullable(),
    version: count,
    keyId: z.string(),
    createdAt: time,
    updatedAt: time,
    rotatedAt: time.nullable(),
    expiresAt: time.nullable(),
    previousUntil: time.nullable(),
    lastUsedAt: time.nullable(),
  } satisfies Members<SecretMetadata>)
  .openapi("Secret");

/** The answer to `GET /secrets/:name/usage`; `instances` refer to it in their environment. */
export const secretUsageView = z
  .object({
    secret: secretView,
    grantedTo: z.array(z.string()),
    lastUsedAt: time.nullable(),
    instances: z.array(z.string()),
  } satisfies Members<SecretUsage & { readonly instances: readonly string[] }>)
  .openapi("SecretUsage");

const accessTokenMembers = {
  id: z.string(),
  instanceId: z.string(),
  name: z.string(),
  hint: z.string(),
  createdAt: time,
  expiresAt: time.nullable(),
  lastUsedAt: time.nullable(),
} satisfies Members<AccessToken>;

/** The answer to `POST /instances/:id/tokens`: the only place where the token's text is ever shown. */
export const newAccessTokenView = z
  .object({ ...accessTokenMembers, token: z.string() })
  .openapi("NewAccessToken");

/** One event, as `GET /events` lists it and `GET /events/stream` sends it. */
export const eventView = z
  .object({
    sequence: count,
    id: z.string(),
    type: z.string(),
    ownerId: z.string().nullable(),
    subjectId: z.string().nullable(),
    data: anything,
    createdAt: time,
  } satisfies Members<PlatformEvent>)
  .openapi("Event");

/** One row of `GET /audit`. */
export const auditEntryView = z
  .object({
    id: z.string(),
    actorId: z.string().nullable(),
    ownerId: z.string().nullable(),
    action: z.string(),
    subjectType: z.string(),
    subjectId: z.string().nullable(),
    outcome: z.enum(["allowed", "denied", "failed"]),
    details: anything.nullable(),
    createdAt: time,
  } satisfies Members<AuditEntry>)
  .openapi("AuditEntry");
