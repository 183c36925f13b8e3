import type { Selectable } from "kysely";
import type { AccessToken } from "../services.ts";
import type { Connection } from "./database.ts";
import type { AccessTokenRow } from "./schema.ts";

export type StoredToken = Selectable<AccessTokenRow>;

export async function insertToken(connection: Connection, row: StoredToken): Promise<void> {
  await connection.insertInto("mcp_access_tokens").values(row).execute();
}

/** The token with this hash, also when it is revoked or expired. */
export async function findTokenByHash(
  connection: Connection,
  hash: string,
): Promise<StoredToken | undefined> {
  return connection
    .selectFrom("mcp_access_tokens")
    .selectAll()
    .where("token_hash", "=", hash)
    .executeTakeFirst();
}

/** Tokens of the instance that are not revoked, newest first, at most `limit`. */
export async function listTokens(
  connection: Connection,
  instanceId: string,
  limit: number,
): Promise<readonly AccessToken[]> {
  const rows = await connection
    .selectFrom("mcp_access_tokens")
    .selectAll()
    .where("instance_id", "=", instanceId)
    .where("revoked_at", "is", null)
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
  return rows.map(toAccessToken);
}

/** How many tokens of the instance are neither revoked nor expired at `at`. */
export async function countTokens(connection: Connection, instanceId: string, at: string): Promise<number> {
  const row = await connection
    .selectFrom("mcp_access_tokens")
    .select((expression) => expression.fn.countAll().as("count"))
    .where("instance_id", "=", instanceId)
    .where("revoked_at", "is", null)
    .where((expression) =>
      expression.or([expression("expires_at", "is", null), expression("expires_at", ">", at)]),
    )
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** Revokes one token of the instance, or all of them. Returns how many were still good. */
export async function revokeTokens(
  connection: Connection,
  which: { readonly instanceId: string; readonly tokenId?: string },
  revokedAt: string,
): Promise<number> {
  let update = connection
    .updateTable("mcp_access_tokens")
    .set({ revoked_at: revokedAt })
    .where("instance_id", "=", which.instanceId)
    .where("revoked_at", "is", null);
  if (which.tokenId !== undefined) update = update.where("id", "=", which.tokenId);
  const result = await update.executeTakeFirst();
  return Number(result.numUpdatedRows);
}

/** Notes that the token was used at `at`, if the last note is from before `unlessSince`. */
export async function noteTokenUse(
  connection: Connection,
  id: string,
  times: { readonly at: string; readonly unlessSince: string },
): Promise<void> {
  await connection
    .updateTable("mcp_access_tokens")
    .set({ last_used_at: times.at })
    .where("id", "=", id)
    .where((expression) =>
      expression.or([
        expression("last_used_at", "is", null),
        expression("last_used_at", "<", times.unlessSince),
      ]),
    )
    .execute();
}

/** What may be told about a token: everything but its hash. */
export function toAccessToken(row: StoredToken): AccessToken {
  return {
    id: row.id,
    instanceId: row.instance_id,
    name: row.name,
    hint: row.hint,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
  };
}
