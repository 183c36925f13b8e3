import { PlatformError } from "@moorage/core";
import { z } from "zod";

const milliseconds = z.number().int().positive().max(2_147_483_647);
const count = z.number().int().positive();

/** The plain-data options of `proxy()` and their defaults. */
const optionsSchema = z.strictObject({
  allowedOrigins: z.array(z.string().min(1)).default([]),
  allowedHosts: z.array(z.string().min(1)).optional(),
  callTimeoutMs: milliseconds.default(30_000),
  requestTimeoutMs: milliseconds.default(600_000),
  connectTimeoutMs: milliseconds.default(60_000),
  pingTimeoutMs: milliseconds.default(5_000),
  sessionIdleMs: milliseconds.default(30 * 60_000),
  keepAliveMs: milliseconds.default(15_000),
  maxSessions: count.default(10_000),
  maxSessionsPerActor: count.default(1_000),
  maxDedicatedConnections: count.default(32),
  concurrencyPerInstance: count.default(64),
  queuePerInstance: count.default(1_024),
  maxRequestBytes: count.default(4 * 1024 * 1024),
});

/** Everything about the proxy that a host may set; all of it has a default. */
export interface ProxyOptions {
  /** Origins of web pages that may call, besides pages of the platform's own host. `"*"` allows all. */
  readonly allowedOrigins?: readonly string[];
  /** Values of the Host header that are answered, with port; all of them if left out. */
  readonly allowedHosts?: readonly string[];
  /** How long a call of `platform.tools` may take, start of the instance and retries included; 30,000. */
  readonly callTimeoutMs?: number;
  /** How long a request of an MCP client may take before it is cancelled; 600,000. */
  readonly requestTimeoutMs?: number;
  /** How long a server may take to answer `initialize`; 60,000. */
  readonly connectTimeoutMs?: number;
  /** How long a server may take to answer `ping`; 5,000. */
  readonly pingTimeoutMs?: number;
  /** How long an MCP session may be unused before it ends; 1,800,000. */
  readonly sessionIdleMs?: number;
  /** How often an open stream gets a sign of life; 15,000. */
  readonly keepAliveMs?: number;
  /** MCP sessions at a time, of everybody; 10,000. */
  readonly maxSessions?: number;
  /** MCP sessions of one actor at a time; 1,000. Beyond that the one unused longest ends. */
  readonly maxSessionsPerActor?: number;
  /** Connections to one instance with `isolation: "session"` at a time; 32. */
  readonly maxDedicatedConnections?: number;
  /** Requests to one instance that are under way at a time; 64. */
  readonly concurrencyPerInstance?: number;
  /** Requests to one instance that may wait for their turn; 1,024. Beyond that they are refused. */
  readonly queuePerInstance?: number;
  /** Largest body of a request to an MCP endpoint; 4 MiB. */
  readonly maxRequestBytes?: number;
}

/** The options with all defaults filled in. */
export type ProxySettings = z.infer<typeof optionsSchema>;

/** Throws `INVALID_INPUT` naming every option that is wrong. */
export function parseOptions(options: ProxyOptions): ProxySettings {
  const parsed = optionsSchema.safeParse(options);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => ({
    path: issue.path.join("."),
    message: issue.message,
  }));
  const names = issues.map(({ path, message }) => `${path}: ${message}`).join("; ");
  throw new PlatformError("INVALID_INPUT", `The options of proxy() are not valid: ${names}`, {
    details: { issues },
  });
}
