import { type Insertable, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { Database } from "./database.ts";
import { migrate } from "./migrate.ts";
import { coreMigrations } from "./migrations.ts";
import type { CoreTables } from "./schema.ts";
import { type TestDatabase, tableNames, testDialects } from "./test-databases.ts";

type Rows = { readonly [Table in keyof CoreTables]: Insertable<CoreTables[Table]> };

const TIME = "2030-01-01T00:00:00.000Z";

/** One row of every table with every column filled in. */
const rows: Rows = {
  mcp_servers: {
    id: "s1",
    owner_id: "o",
    name: "n",
    title: "t",
    description: "d",
    version: "1",
    visibility: "private",
    definition: "{}",
    approval_hash: "h",
    approved_hash: "h",
    approved_by: "b",
    approved_at: TIME,
    created_at: TIME,
    updated_at: TIME,
    deleted_at: TIME,
  },
  mcp_instances: {
    id: "i1",
    owner_id: "o",
    server_id: "s1",
    kind: "server",
    name: "n",
    provider: "local",
    desired: "running",
    state: "pending",
    health: "unknown",
    reason: "requested",
    error: "{}",
    environment: "{}",
    provider_options: "{}",
    isolation: "shared",
    secret_delivery: "file",
    restart_on_rotation: 1,
    on_idle: "stop",
    ttl_seconds: 60,
    idle_seconds: 60,
    enabled: 1,
    expires_at: TIME,
    auto_stop_at: TIME,
    last_activity_at: TIME,
    last_health_check_at: TIME,
    health_failures: 0,
    restart_count: 0,
    next_attempt_at: TIME,
    started_at: TIME,
    stopped_at: TIME,
    created_at: TIME,
    updated_at: TIME,
    deleted_at: TIME,
    version: 1,
    generation: 1,
    resource_id: "r",
    host_id: "h",
    claim_owner: "c",
    claim_until: TIME,
    fence: 1,
    expiring_notified_at: TIME,
  },
  mcp_events: {
    id: "e1",
    type: "instance.created",
    owner_id: "o",
    subject_id: "i1",
    data: "{}",
    created_at: TIME,
    delivered_at: TIME,
  },
  mcp_usage: {
    id: "u1",
    owner_id: "o",
    instance_id: "i1",
    provider: "local",
    generation: 1,
    price_nano_per_second: "800",
    started_at: TIME,
    ended_at: TIME,
  },
  mcp_audit: {
    id: "a1",
    actor_id: "o",
    owner_id: "o",
    action: "instance.start",
    subject_type: "instance",
    subject_id: "i1",
    outcome: "denied",
    details: "{}",
    created_at: TIME,
  },
  mcp_tool_calls: {
    id: "t1",
    owner_id: "o",
    actor_id: "o",
    instance_id: "i1",
    server_id: "s1",
    session_id: "x",
    tool: "echo",
    arguments: "{}",
    result: "{}",
    status: "success",
    error_message: "m",
    duration_ms: 1,
    retries: 0,
    created_at: TIME,
  },
  mcp_access_tokens: {
    id: "k1",
    owner_id: "o",
    instance_id: "i1",
    name: "n",
    token_hash: "hash",
    hint: "abcd",
    created_at: TIME,
    expires_at: TIME,
    last_used_at: TIME,
    revoked_at: TIME,
  },
  mcp_leases: { name: "l1", owner: "o", fence: 1, expires_at: TIME },
  mcp_hosts: { id: "h1", machine_id: "m", pid: 1, process_start: "1", lease_until: TIME, started_at: TIME },
};

for (const { dialect, isMissing, make } of testDialects(inject("postgresUrl"))) {
  describe.skipIf(isMissing)(`core's tables on ${dialect}`, () => {
    let files: TestDatabase;
    let database: Database;
    beforeAll(async () => {
      files = await make();
      database = await files.openMigrated();
    });
    afterAll(() => files.close());

    const indexes = async (): Promise<readonly string[]> => {
      const query =
        dialect === "sqlite"
          ? sql<{ name: string }>`select name from sqlite_master where type = 'index' and name like 'mcp%'`
          : sql<{
              name: string;
            }>`select indexname as name from pg_indexes where schemaname = current_schema()`;
      return (await query.execute(database.connection)).rows.map(({ name }) => name);
    };

    it.each(Object.keys(rows) as (keyof Rows)[])(
      "have in %s exactly the columns of its type",
      async (table) => {
        await database.connection.insertInto(table).values(rows[table]).execute();
        const [stored] = await database.connection.selectFrom(table).selectAll().execute();
        const { sequence, ...columns } = stored as Record<string, unknown>;
        expect(sequence === undefined).toBe(table !== "mcp_events");
        expect(columns).toEqual(rows[table]);
      },
    );

    it("number events by themselves, and never use a number again", async () => {
      const insert = async (id: string) =>
        Number(
          (
            await database.connection
              .insertInto("mcp_events")
              .values({ ...rows.mcp_events, id })
              .returning("sequence")
              .executeTakeFirstOrThrow()
          ).sequence,
        );
      const first = await insert("n1");
      await database.connection.deleteFrom("mcp_events").execute();
      expect(await insert("n2")).toBe(first + 1);
    });

    it("refuse a second token with the same hash", async () => {
      const token = { ...rows.mcp_access_tokens, id: "k2" };
      await expect(
        database.connection.insertInto("mcp_access_tokens").values(token).execute(),
      ).rejects.toThrow(/unique/i);
    });

    it("order text by its bytes", async () => {
      for (const name of ["b", "B", "a-", "a"]) {
        await database.connection
          .insertInto("mcp_leases")
          .values({ ...rows.mcp_leases, name })
          .execute();
      }
      const ordered = await database.connection
        .selectFrom("mcp_leases")
        .select("name")
        .where("name", "in", ["a", "a-", "b", "B"])
        .orderBy("name")
        .execute();
      expect(ordered.map(({ name }) => name)).toEqual(["B", "a", "a-", "b"]);
    });

    if (dialect === "postgres") {
      it("do so whatever language the server was made for", async () => {
        const { rows: others } = await sql`
          select table_name, column_name from information_schema.columns
          where table_schema = current_schema() and data_type = 'text' and table_name <> 'mcp_migrations'
            and collation_name is distinct from 'C'`.execute(database.connection);
        expect(others).toEqual([]);
      });
    }

    it("have the indexes that lists and sweeps are answered from", async () => {
      expect(await indexes()).toEqual(
        expect.arrayContaining([
          "mcp_instances_owner",
          "mcp_instances_expires",
          "mcp_instances_auto_stop",
          "mcp_instances_next_attempt",
          "mcp_instances_desired_state",
          "mcp_tool_calls_owner",
          "mcp_tool_calls_instance",
          "mcp_events_undelivered",
          "mcp_usage_open",
        ]),
      );
    });

    it("are all gone after the way down", async () => {
      await migrate(database, coreMigrations, {
        direction: "down",
        steps: Object.keys(coreMigrations).length,
      });
      const left = await tableNames(database);
      expect(left.filter((name) => name.startsWith("mcp_"))).toEqual(["mcp_migrations"]);
      await migrate(database, coreMigrations);
    });
  });
}
