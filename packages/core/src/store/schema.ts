import type { Generated } from "kysely";

/** Columns are portable between SQLite and Postgres: text, integer, ISO-8601 UTC text, JSON as text, booleans 0/1. */

export interface ServerRow {
  readonly id: string;
  owner_id: string;
  name: string;
  title: string | null;
  description: string;
  version: string | null;
  visibility: string;
  /** JSON of the rest of the definition: packages, remotes, healthCheck, resources, tags, metadata. */
  definition: string;
  approval_hash: string;
  approved_hash: string | null;
  approved_by: string | null;
  approved_at: string | null;
  created_at: string;
  updated_at: string;
  deleted_at: string | null;
}

export interface InstanceRow {
  readonly id: string;
  owner_id: string;
  server_id: string | null;
  kind: string;
  name: string;
  provider: string;
  desired: string;
  state: string;
  health: string;
  reason: string | null;
  error: string | null;
  environment: string;
  provider_options: string | null;
  isolation: string;
  secret_delivery: string;
  restart_on_rotation: number;
  on_idle: string;
  ttl_seconds: number | null;
  idle_seconds: number | null;
  enabled: number;
  expires_at: string | null;
  auto_stop_at: string | null;
  last_activity_at: string | null;
  last_health_check_at: string | null;
  health_failures: number;
  restart_count: number;
  next_attempt_at: string | null;
  started_at: string | null;
  stopped_at: string | null;
  created_at: string;
  updated_at: string;
  deleted_at: string | null;
  version: number;
  generation: number;
  resource_id: string | null;
  host_id: string | null;
  /** Who acts on the row now, until when, and how often it was claimed: results are written with the fence. */
  claim_owner: string | null;
  claim_until: string | null;
  fence: number;
  expiring_notified_at: string | null;
}

export interface EventRow {
  readonly sequence: Generated<number>;
  readonly id: string;
  type: string;
  owner_id: string | null;
  subject_id: string | null;
  data: string;
  created_at: string;
  delivered_at: string | null;
}

export interface UsageRow {
  readonly id: string;
  owner_id: string;
  instance_id: string;
  provider: string;
  generation: number;
  /** Decimal text: nano-dollars per second do not fit every driver's integers. */
  price_nano_per_second: string;
  started_at: string;
  ended_at: string | null;
}

export interface AuditRow {
  readonly id: string;
  actor_id: string | null;
  owner_id: string | null;
  action: string;
  subject_type: string;
  subject_id: string | null;
  outcome: string;
  details: string | null;
  created_at: string;
}

export interface ToolCallRow {
  readonly id: string;
  owner_id: string;
  actor_id: string | null;
  instance_id: string;
  server_id: string | null;
  session_id: string | null;
  tool: string;
  arguments: string | null;
  result: string | null;
  status: string;
  error_message: string | null;
  duration_ms: number;
  retries: number;
  created_at: string;
}

export interface AccessTokenRow {
  readonly id: string;
  owner_id: string;
  instance_id: string;
  name: string;
  token_hash: string;
  hint: string;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  revoked_at: string | null;
}

export interface LeaseRow {
  readonly name: string;
  owner: string;
  fence: number;
  expires_at: string;
}

export interface HostRow {
  readonly id: string;
  /** Identity of the process on its machine, where the system tells: see `host-identity.ts`. */
  machine_id: string | null;
  pid: number;
  process_start: string | null;
  lease_until: string;
  started_at: string;
}

/** Core's tables. Parts see theirs through `connection.withTables<...>()`. */
export interface CoreTables {
  mcp_servers: ServerRow;
  mcp_instances: InstanceRow;
  mcp_events: EventRow;
  mcp_usage: UsageRow;
  mcp_audit: AuditRow;
  mcp_tool_calls: ToolCallRow;
  mcp_access_tokens: AccessTokenRow;
  mcp_leases: LeaseRow;
  mcp_hosts: HostRow;
}
