import { sql } from "kysely";
import type { Instance } from "../instances/instance.ts";
import type { Connection, Database } from "./database.ts";
import { toInstance } from "./instance-rows.ts";
import type { HostRow } from "./schema.ts";

/** A replica, as it is known to the others. */
export type Host = Pick<HostRow, "id" | "machine_id" | "pid" | "process_start">;

/** Puts the replica into the table, or extends its lease; its lease ends `leaseMs` from now. */
export async function keepHost(
  database: Database,
  host: Host & { readonly started_at: string },
  leaseMs: number,
): Promise<void> {
  const lease_until = database.now(leaseMs);
  await database.connection
    .insertInto("mcp_hosts")
    .values({ ...host, lease_until })
    .onConflict((conflict) => conflict.column("id").doUpdateSet({ lease_until }))
    .execute();
}

export async function removeHost(connection: Connection, hostId: string): Promise<void> {
  await connection.deleteFrom("mcp_hosts").where("id", "=", hostId).execute();
}

/** Every other replica, and whether its lease is over. */
export async function otherHosts(
  database: Database,
  hostId: string,
): Promise<readonly (Host & { readonly expired: boolean })[]> {
  const rows = await database.connection
    .selectFrom("mcp_hosts")
    .select(["id", "machine_id", "pid", "process_start"])
    .select(sql<number | boolean>`lease_until < ${database.now()}`.as("expired"))
    .where("id", "!=", hostId)
    .execute();
  return rows.map((row) => ({ ...row, expired: Boolean(row.expired) }));
}

/** Rows that say they live on a host that is not in the table, or is one of `gone`. */
export async function findStranded(
  connection: Connection,
  gone: readonly string[],
): Promise<readonly Instance[]> {
  const rows = await connection
    .selectFrom("mcp_instances")
    .selectAll()
    .where("host_id", "is not", null)
    .where((expression) => {
      const unknown = expression(
        "host_id",
        "not in",
        expression.selectFrom("mcp_hosts").select("mcp_hosts.id"),
      );
      return gone.length === 0 ? unknown : expression.or([unknown, expression("host_id", "in", [...gone])]);
    })
    .execute();
  return rows.map(toInstance);
}

/** Gives up the claims that these hosts, or hosts that are not in the table, still hold. */
export async function dropClaims(connection: Connection, gone: readonly string[]): Promise<void> {
  await connection
    .updateTable("mcp_instances")
    .set({ claim_owner: null, claim_until: null })
    .where("claim_owner", "is not", null)
    .where((expression) => {
      const unknown = expression(
        "claim_owner",
        "not in",
        expression.selectFrom("mcp_hosts").select("mcp_hosts.id"),
      );
      return gone.length === 0
        ? unknown
        : expression.or([unknown, expression("claim_owner", "in", [...gone])]);
    })
    .execute();
}

/** Ids of the instances whose resources this host holds. */
export async function findHosted(connection: Connection, hostId: string): Promise<readonly string[]> {
  const rows = await connection
    .selectFrom("mcp_instances")
    .select("id")
    .where("host_id", "=", hostId)
    .where("state", "in", ["starting", "running", "stopping"])
    .execute();
  return rows.map((row) => row.id);
}
