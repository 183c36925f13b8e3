import { type ExpressionBuilder, sql } from "kysely";
import type { Instance } from "../instances/instance.ts";
import type { Page } from "../pages.ts";
import type { InstanceQuery } from "../services.ts";
import type { Connection, Database } from "./database.ts";
import { type InstancePatch, newInstanceRow, patchColumns, toInstance } from "./instance-rows.ts";
import { pageById } from "./pages.ts";
import type { CoreTables } from "./schema.ts";

type InstanceExpression = ExpressionBuilder<CoreTables, "mcp_instances">;

export async function insertInstance(connection: Connection, instance: Instance): Promise<void> {
  await connection.insertInto("mcp_instances").values(newInstanceRow(instance)).execute();
}

/** The row, deleted ones included; undefined for an id that was never given. */
export async function findInstance(connection: Connection, id: string): Promise<Instance | undefined> {
  const row = await connection
    .selectFrom("mcp_instances")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirst();
  return row && toInstance(row);
}

/** Like {@link findInstance}, and nobody else changes the row before this transaction ends. */
export async function lockInstance(
  transaction: Connection,
  dialect: Database["dialect"],
  id: string,
): Promise<Instance | undefined> {
  const select = transaction.selectFrom("mcp_instances").selectAll().where("id", "=", id);
  const row = await (dialect === "postgres" ? select.forUpdate() : select).executeTakeFirst();
  return row && toInstance(row);
}

/** Newest first. */
export function listInstances(connection: Connection, query: InstanceQuery): Promise<Page<Instance>> {
  let rows = connection.selectFrom("mcp_instances").selectAll();
  if (query.ownerId !== undefined) rows = rows.where("owner_id", "=", query.ownerId);
  if (query.serverId !== undefined) rows = rows.where("server_id", "=", query.serverId);
  if (query.state !== undefined) rows = rows.where("state", "=", query.state);
  if (!query.includeDeleted) rows = rows.where("deleted_at", "is", null);
  return pageById(query, async ({ before, limit }) => {
    const page = before === undefined ? rows : rows.where("id", "<", before);
    return (await page.orderBy("id", "desc").limit(limit).execute()).map(toInstance);
  });
}

/** Instances of this owner and kind that are not deleted. */
export async function countInstances(
  connection: Connection,
  where: { readonly ownerId?: string; readonly serverId?: string; readonly kind?: Instance["kind"] },
): Promise<number> {
  let rows = connection
    .selectFrom("mcp_instances")
    .select((expression) => expression.fn.countAll().as("count"))
    .where("deleted_at", "is", null)
    .where("desired", "!=", "deleted");
  if (where.ownerId !== undefined) rows = rows.where("owner_id", "=", where.ownerId);
  if (where.serverId !== undefined) rows = rows.where("server_id", "=", where.serverId);
  if (where.kind !== undefined) rows = rows.where("kind", "=", where.kind);
  return Number((await rows.executeTakeFirstOrThrow()).count);
}

/** How many instances are in each state; states without any are left out. */
export async function countByState(
  connection: Connection,
  ownerId?: string,
): Promise<Record<string, number>> {
  let rows = connection
    .selectFrom("mcp_instances")
    .select((expression) => ["state", expression.fn.countAll().as("count")])
    .where("deleted_at", "is", null)
    .groupBy("state");
  if (ownerId !== undefined) rows = rows.where("owner_id", "=", ownerId);
  return Object.fromEntries((await rows.execute()).map((row) => [row.state, Number(row.count)]));
}

/**
 * Makes concurrent creations of one owner wait for each other, so that a limit counted in this transaction
 * holds. SQLite's write lock does so already.
 */
export async function lockOwner(
  transaction: Connection,
  dialect: Database["dialect"],
  ownerId: string,
): Promise<void> {
  if (dialect !== "postgres") return;
  await sql`select pg_advisory_xact_lock(hashtext(${`mcp_owner:${ownerId}`}))`.execute(transaction);
}

/** Writes what was asked for, if nobody wrote since `version`; undefined otherwise. */
export async function updateInstance(
  connection: Connection,
  seen: Pick<Instance, "id" | "version">,
  patch: InstancePatch,
): Promise<Instance | undefined> {
  const row = await connection
    .updateTable("mcp_instances")
    .set({ ...patchColumns(patch), version: seen.version + 1 })
    .where("id", "=", seen.id)
    .where("version", "=", seen.version)
    .returningAll()
    .executeTakeFirst();
  return row && toInstance(row);
}

/** A claim on a row: only its holder moves the row's state. */
export interface Claim {
  readonly instanceId: string;
  readonly hostId: string;
  readonly fence: number;
}

/** Writes what is, if the claim still holds; undefined if another replica has taken over. */
export async function updateClaimed(
  connection: Connection,
  claim: Claim,
  patch: InstancePatch,
): Promise<Instance | undefined> {
  const row = await connection
    .updateTable("mcp_instances")
    .set({ ...patchColumns(patch), version: sql`version + 1` })
    .where("id", "=", claim.instanceId)
    .where("fence", "=", claim.fence)
    .where("claim_owner", "=", claim.hostId)
    .returningAll()
    .executeTakeFirst();
  return row && toInstance(row);
}

/**
 * Takes the row for this host for `leaseMs`, in one statement. Undefined when another replica acts on it, or
 * holds its resource.
 */
export async function claimInstance(
  database: Database,
  wanted: { readonly id: string; readonly hostId: string; readonly leaseMs: number },
): Promise<{ readonly claim: Claim; readonly instance: Instance } | undefined> {
  const row = await database.connection
    .updateTable("mcp_instances")
    .set({
      claim_owner: wanted.hostId,
      claim_until: database.now(wanted.leaseMs),
      fence: sql`fence + 1`,
    })
    .where("id", "=", wanted.id)
    .where((expression) => unclaimed(expression, database))
    .where((expression) =>
      expression.or([expression("host_id", "is", null), expression("host_id", "=", wanted.hostId)]),
    )
    .returningAll()
    .executeTakeFirst();
  if (!row) return undefined;
  return {
    claim: { instanceId: row.id, hostId: wanted.hostId, fence: Number(row.fence) },
    instance: toInstance(row),
  };
}

function unclaimed(expression: InstanceExpression, database: Database) {
  return expression.or([
    expression("claim_until", "is", null),
    expression("claim_until", "<", database.now()),
  ]);
}

/** Keeps the claim; false if it was lost. */
export async function extendClaim(database: Database, claim: Claim, leaseMs: number): Promise<boolean> {
  const result = await database.connection
    .updateTable("mcp_instances")
    .set({ claim_until: database.now(leaseMs) })
    .where("id", "=", claim.instanceId)
    .where("fence", "=", claim.fence)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export async function releaseClaim(connection: Connection, claim: Claim): Promise<void> {
  await connection
    .updateTable("mcp_instances")
    .set({ claim_owner: null, claim_until: null })
    .where("id", "=", claim.instanceId)
    .where("fence", "=", claim.fence)
    .execute();
}
