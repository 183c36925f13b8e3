import { sql } from "kysely";
import type { Migration, Migrations } from "./database.ts";
import { type Columns, createIndex, createTable, type IndexDefinition } from "./tables.ts";

const TABLES: Readonly<Record<string, Columns>> = {
  mcp_servers: {
    id: "key",
    owner_id: "text",
    name: "text",
    title: "text?",
    description: "text",
    version: "text?",
    visibility: "text",
    definition: "text",
    approval_hash: "text",
    approved_hash: "text?",
    approved_by: "text?",
    approved_at: "text?",
    created_at: "text",
    updated_at: "text",
    deleted_at: "text?",
  },
  mcp_instances: {
    id: "key",
    owner_id: "text",
    server_id: "text?",
    kind: "text",
    name: "text",
    provider: "text",
    desired: "text",
    state: "text",
    health: "text",
    reason: "text?",
    error: "text?",
    environment: "text",
    provider_options: "text?",
    isolation: "text",
    on_idle: "text",
    ttl_seconds: "integer?",
    idle_seconds: "integer?",
    enabled: "integer",
    expires_at: "text?",
    auto_stop_at: "text?",
    last_activity_at: "text?",
    last_health_check_at: "text?",
    health_failures: "integer",
    restart_count: "integer",
    next_attempt_at: "text?",
    started_at: "text?",
    stopped_at: "text?",
    created_at: "text",
    updated_at: "text",
    deleted_at: "text?",
    version: "integer",
    generation: "integer",
    resource_id: "text?",
    host_id: "text?",
    claim_owner: "text?",
    claim_until: "text?",
    fence: "integer",
    expiring_notified_at: "text?",
  },
  mcp_events: {
    sequence: "sequence",
    id: "text",
    type: "text",
    owner_id: "text?",
    subject_id: "text?",
    data: "text",
    created_at: "text",
    delivered_at: "text?",
  },
  mcp_usage: {
    id: "key",
    owner_id: "text",
    instance_id: "text",
    provider: "text",
    generation: "integer",
    price_nano_per_second: "text",
    started_at: "text",
    ended_at: "text?",
  },
  mcp_audit: {
    id: "key",
    actor_id: "text?",
    owner_id: "text?",
    action: "text",
    subject_type: "text",
    subject_id: "text?",
    outcome: "text",
    details: "text?",
    created_at: "text",
  },
  mcp_tool_calls: {
    id: "key",
    owner_id: "text",
    actor_id: "text?",
    instance_id: "text",
    server_id: "text?",
    session_id: "text?",
    tool: "text",
    arguments: "text?",
    result: "text?",
    status: "text",
    error_message: "text?",
    duration_ms: "integer",
    retries: "integer",
    created_at: "text",
  },
  mcp_access_tokens: {
    id: "key",
    owner_id: "text",
    instance_id: "text",
    name: "text",
    token_hash: "text",
    hint: "text",
    created_at: "text",
    expires_at: "text?",
    last_used_at: "text?",
    revoked_at: "text?",
  },
  mcp_leases: { name: "key", owner: "text", fence: "integer", expires_at: "text" },
  mcp_hosts: {
    id: "key",
    machine_id: "text?",
    pid: "integer",
    process_start: "text?",
    lease_until: "text",
    started_at: "text",
  },
};

const INDEXES: readonly IndexDefinition[] = [
  { table: "mcp_servers", suffix: "owner", columns: ["owner_id", "id"] },
  { table: "mcp_servers", suffix: "visibility", columns: ["visibility", "id"] },
  { table: "mcp_instances", suffix: "owner", columns: ["owner_id", "id"] },
  { table: "mcp_instances", suffix: "server", columns: ["server_id"] },
  { table: "mcp_instances", suffix: "desired_state", columns: ["desired", "state"] },
  { table: "mcp_instances", suffix: "expires", columns: ["expires_at"] },
  { table: "mcp_instances", suffix: "auto_stop", columns: ["auto_stop_at"] },
  { table: "mcp_instances", suffix: "next_attempt", columns: ["next_attempt_at"] },
  { table: "mcp_instances", suffix: "host", columns: ["host_id", "state"] },
  { table: "mcp_events", suffix: "id", columns: ["id"], isUnique: true },
  { table: "mcp_events", suffix: "undelivered", columns: ["sequence"], whereNull: "delivered_at" },
  { table: "mcp_events", suffix: "owner", columns: ["owner_id", "sequence"] },
  { table: "mcp_events", suffix: "subject", columns: ["subject_id", "sequence"] },
  { table: "mcp_events", suffix: "created", columns: ["created_at"] },
  // At most one open interval per instance: nothing is billed twice, whoever writes.
  { table: "mcp_usage", suffix: "open", columns: ["instance_id"], isUnique: true, whereNull: "ended_at" },
  { table: "mcp_usage", suffix: "owner", columns: ["owner_id", "id"] },
  { table: "mcp_usage", suffix: "instance", columns: ["instance_id", "id"] },
  { table: "mcp_usage", suffix: "ended", columns: ["owner_id", "ended_at"] },
  { table: "mcp_audit", suffix: "owner", columns: ["owner_id", "id"] },
  { table: "mcp_audit", suffix: "subject", columns: ["subject_id", "id"] },
  { table: "mcp_tool_calls", suffix: "owner", columns: ["owner_id", "id"] },
  { table: "mcp_tool_calls", suffix: "owner_created", columns: ["owner_id", "created_at"] },
  { table: "mcp_tool_calls", suffix: "instance", columns: ["instance_id", "id"] },
  { table: "mcp_access_tokens", suffix: "hash", columns: ["token_hash"], isUnique: true },
  { table: "mcp_access_tokens", suffix: "instance", columns: ["instance_id", "id"] },
  { table: "mcp_hosts", suffix: "lease", columns: ["lease_until"] },
];

const coreTables: Migration = {
  async up(connection, dialect) {
    for (const [name, columns] of Object.entries(TABLES)) {
      await createTable(connection, dialect, { name, columns });
    }
    for (const index of INDEXES) await createIndex(connection, index);
  },
  async down(connection) {
    for (const name of Object.keys(TABLES).reverse()) await connection.schema.dropTable(name).execute();
  },
};

const secretDelivery: Migration = {
  async up(connection, dialect) {
    // Compared by its bytes, as all text of the platform.
    const text = dialect === "postgres" ? sql`text collate "C"` : "text";
    const { schema } = connection;
    await schema
      .alterTable("mcp_instances")
      .addColumn("secret_delivery", text, (column) => column.notNull().defaultTo("environment"))
      .execute();
    await schema
      .alterTable("mcp_instances")
      .addColumn("restart_on_rotation", "integer", (column) => column.notNull().defaultTo(0))
      .execute();
  },
  async down({ schema }) {
    for (const name of ["restart_on_rotation", "secret_delivery"]) {
      await schema.alterTable("mcp_instances").dropColumn(name).execute();
    }
  },
};

/** Core's own steps. A host that has its own migrator calls each step's `up` and `down` from there. */
export const coreMigrations: Migrations = {
  "core-0001-tables": coreTables,
  "core-0002-secret-delivery": secretDelivery,
};
