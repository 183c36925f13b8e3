import { type Selectable, sql } from "kysely";
import { approvalFor, type GivenApproval } from "../catalog/approval.ts";
import type { ServerDefinition, ServerDefinitionInput } from "../catalog/server-definition.ts";
import type { Page, PageQuery } from "../pages.ts";
import { decodeJson, encodeJson } from "./codec.ts";
import type { Connection, Dialect } from "./database.ts";
import { pageById } from "./pages.ts";
import type { ServerRow } from "./schema.ts";

type Document = Pick<
  ServerDefinitionInput,
  "packages" | "remotes" | "healthCheck" | "resources" | "tags" | "metadata"
>;

/** Which definitions a list shows. */
export interface ServerFilter extends PageQuery {
  /** Definitions of this owner; everybody's if left out. */
  readonly ownerId?: string;
  /** With `ownerId`: everybody's public definitions as well. */
  readonly includePublic?: boolean;
  /** Text that the name, title or description holds; case counts outside ASCII only. */
  readonly search?: string;
}

/** A stored row as the catalog's server definition; the approval is worked out from what is stored. */
export function toServerDefinition(row: Selectable<ServerRow>): ServerDefinition {
  const document = decodeJson<Document>(row.definition, "mcp_servers.definition");
  const given: GivenApproval = { hash: row.approved_hash, by: row.approved_by, at: row.approved_at };
  return {
    id: row.id,
    ownerId: row.owner_id,
    name: row.name,
    title: row.title,
    description: row.description,
    version: row.version,
    visibility: row.visibility as ServerDefinition["visibility"],
    tags: document.tags,
    packages: document.packages,
    remotes: document.remotes,
    healthCheck: document.healthCheck,
    resources: document.resources,
    metadata: document.metadata,
    approval: approvalFor(document.packages, given),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deletedAt: row.deleted_at,
  };
}

function changeableColumns(server: ServerDefinition) {
  const { packages, remotes, healthCheck, resources, tags, metadata, approval } = server;
  const document: Document = { packages, remotes, healthCheck, resources, tags, metadata };
  const approved = approval.status === "approved";
  return {
    name: server.name,
    title: server.title,
    description: server.description,
    version: server.version,
    visibility: server.visibility,
    definition: encodeJson(document),
    approval_hash: approval.hash,
    approved_hash: approved ? approval.hash : null,
    approved_by: approved ? approval.approvedBy : null,
    approved_at: approved ? approval.approvedAt : null,
    updated_at: server.updatedAt,
  };
}

export async function insertServer(connection: Connection, server: ServerDefinition): Promise<void> {
  await connection
    .insertInto("mcp_servers")
    .values({
      id: server.id,
      owner_id: server.ownerId,
      created_at: server.createdAt,
      deleted_at: null,
      ...changeableColumns(server),
    })
    .execute();
}

/** The definition, unless it was removed or never was. */
export async function findServer(connection: Connection, id: string): Promise<ServerDefinition | undefined> {
  const row = await selectServer(connection, id).executeTakeFirst();
  return row && toServerDefinition(row);
}

/** Like {@link findServer}, and nobody else changes or removes it before this transaction ends. */
export async function lockServer(
  transaction: Connection,
  dialect: Dialect,
  id: string,
): Promise<ServerDefinition | undefined> {
  const select = selectServer(transaction, id);
  const row = await (dialect === "postgres" ? select.forUpdate() : select).executeTakeFirst();
  return row && toServerDefinition(row);
}

function selectServer(connection: Connection, id: string) {
  return connection
    .selectFrom("mcp_servers")
    .selectAll()
    .where("id", "=", id)
    .where("deleted_at", "is", null);
}

/** Newest first. */
export function listServers(connection: Connection, filter: ServerFilter): Promise<Page<ServerDefinition>> {
  const { ownerId, includePublic = false, search } = filter;
  let rows = connection.selectFrom("mcp_servers").selectAll().where("deleted_at", "is", null);
  if (ownerId !== undefined) {
    rows = rows.where((expression) =>
      expression.or([
        expression("owner_id", "=", ownerId),
        ...(includePublic ? [expression("visibility", "=", "public")] : []),
      ]),
    );
  }
  if (search !== undefined) {
    const lower = search.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
    const pattern = `%${lower.replace(/[\\%_]/g, "\\$&")}%`;
    rows = rows.where((expression) =>
      expression.or(
        (["name", "title", "description"] as const).map(
          (column) => sql<boolean>`lower(${sql.ref(column)}) like ${pattern} escape '\\'`,
        ),
      ),
    );
  }
  return pageById(filter, async ({ before, limit }) => {
    const page = before === undefined ? rows : rows.where("id", "<", before);
    return (await page.orderBy("id", "desc").limit(limit).execute()).map(toServerDefinition);
  });
}

/** Definitions that are not removed, of one owner or of all. */
export async function countServers(connection: Connection, ownerId?: string): Promise<number> {
  let rows = connection
    .selectFrom("mcp_servers")
    .select((expression) => expression.fn.countAll().as("count"))
    .where("deleted_at", "is", null);
  if (ownerId !== undefined) rows = rows.where("owner_id", "=", ownerId);
  return Number((await rows.executeTakeFirstOrThrow()).count);
}

/** Writes what a definition may change; call it with the row locked. */
export async function updateServer(transaction: Connection, server: ServerDefinition): Promise<void> {
  await transaction
    .updateTable("mcp_servers")
    .set(changeableColumns(server))
    .where("id", "=", server.id)
    .where("deleted_at", "is", null)
    .execute();
}

/** Marks it removed, in one statement, unless instances of it exist. Returns whether it did. */
export async function removeServer(connection: Connection, id: string, deletedAt: string): Promise<boolean> {
  const result = await connection
    .updateTable("mcp_servers")
    .set({ deleted_at: deletedAt, updated_at: deletedAt })
    .where("id", "=", id)
    .where("deleted_at", "is", null)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom("mcp_instances")
            .select("mcp_instances.id")
            .where("mcp_instances.server_id", "=", id)
            .where("mcp_instances.deleted_at", "is", null),
        ),
      ),
    )
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
