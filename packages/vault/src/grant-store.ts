import type { Connection } from "@moorage/core";
import type { SecretRow } from "./secret-store.ts";

/** Lets an instance use another instance's secret of the same owner; times are ISO-8601 UTC text. */
export interface GrantRow {
  readonly secret_id: string;
  readonly instance_id: string;
  readonly owner_id: string;
  readonly granted_at: string;
  readonly granted_by: string | null;
}

const grants = (connection: Connection) =>
  connection.withTables<{ mcp_secrets: SecretRow; mcp_secret_grants: GrantRow }>();

/** Stores a grant; one that exists stays as it is. */
export async function insertGrant(connection: Connection, row: GrantRow): Promise<void> {
  await grants(connection)
    .insertInto("mcp_secret_grants")
    .values(row)
    .onConflict((conflict) => conflict.columns(["secret_id", "instance_id"]).doNothing())
    .execute();
}

/** Returns whether there was such a grant. */
export async function deleteGrant(
  connection: Connection,
  { secretId, instanceId }: { readonly secretId: string; readonly instanceId: string },
): Promise<boolean> {
  const deleted = await grants(connection)
    .deleteFrom("mcp_secret_grants")
    .where("secret_id", "=", secretId)
    .where("instance_id", "=", instanceId)
    .executeTakeFirst();
  return deleted.numDeletedRows > 0n;
}

/** Deletes every grant of these secrets. */
export async function deleteGrantsOf(connection: Connection, secretIds: readonly string[]): Promise<void> {
  if (secretIds.length === 0) return;
  await grants(connection).deleteFrom("mcp_secret_grants").where("secret_id", "in", secretIds).execute();
}

/** Deletes every grant that an instance was given. */
export async function deleteGrantsTo(
  connection: Connection,
  { ownerId, instanceId }: { readonly ownerId: string; readonly instanceId: string },
): Promise<void> {
  await grants(connection)
    .deleteFrom("mcp_secret_grants")
    .where("owner_id", "=", ownerId)
    .where("instance_id", "=", instanceId)
    .execute();
}

/** Ids of the instances that were granted a secret, in order. */
export async function listGrantees(connection: Connection, secretId: string): Promise<readonly string[]> {
  const rows = await grants(connection)
    .selectFrom("mcp_secret_grants")
    .select("instance_id")
    .where("secret_id", "=", secretId)
    .orderBy("instance_id")
    .execute();
  return rows.map(({ instance_id }) => instance_id);
}

/** Which secrets an instance may be asking for. */
export interface SecretSearch {
  readonly ownerId: string;
  readonly instanceId: string;
  readonly serverId: string | null;
  /** Other instances whose secrets are named. */
  readonly otherInstanceIds: readonly string[];
  readonly names: readonly string[];
}

/** A secret, and the instance of the search if it was granted to that one. */
export type FoundSecret = SecretRow & { readonly granted_to: string | null };

/**
 * Secrets with these names among those of the owner at large, of the server and of the named instances, whether they
 * may be used or not.
 */
export function searchSecrets(connection: Connection, search: SecretSearch): Promise<readonly FoundSecret[]> {
  const instanceIds = [search.instanceId, ...search.otherInstanceIds];
  return grants(connection)
    .selectFrom("mcp_secrets")
    .leftJoin("mcp_secret_grants", (join) =>
      join
        .onRef("mcp_secret_grants.secret_id", "=", "mcp_secrets.id")
        .onRef("mcp_secret_grants.owner_id", "=", "mcp_secrets.owner_id")
        .on("mcp_secret_grants.instance_id", "=", search.instanceId),
    )
    .selectAll("mcp_secrets")
    .select("mcp_secret_grants.instance_id as granted_to")
    .where("mcp_secrets.owner_id", "=", search.ownerId)
    .where("mcp_secrets.name", "in", search.names)
    .where((eb) =>
      eb.or([
        eb("mcp_secrets.scope", "=", "owner"),
        eb.and([
          eb("mcp_secrets.scope", "=", "server"),
          eb("mcp_secrets.scope_id", "=", search.serverId ?? ""),
        ]),
        eb.and([eb("mcp_secrets.scope", "=", "instance"), eb("mcp_secrets.scope_id", "in", instanceIds)]),
      ]),
    )
    .execute();
}
