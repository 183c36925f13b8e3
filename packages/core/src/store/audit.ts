import type { Selectable } from "kysely";
import type { Page } from "../pages.ts";
import type { AuditEntry, OwnedQuery } from "../services.ts";
import { decodeJson, encodeJson } from "./codec.ts";
import type { Connection } from "./database.ts";
import { pageById } from "./pages.ts";
import type { AuditRow } from "./schema.ts";

/** Which audit entries a list shows. */
export interface AuditQuery extends OwnedQuery {
  readonly action?: string;
  readonly subjectId?: string;
}

export async function insertAuditEntry(connection: Connection, entry: AuditEntry): Promise<void> {
  await connection
    .insertInto("mcp_audit")
    .values({
      id: entry.id,
      actor_id: entry.actorId,
      owner_id: entry.ownerId,
      action: entry.action,
      subject_type: entry.subjectType,
      subject_id: entry.subjectId,
      outcome: entry.outcome,
      details: entry.details === null ? null : encodeJson(entry.details),
      created_at: entry.createdAt,
    })
    .execute();
}

/** Newest first. */
export function listAuditEntries(connection: Connection, query: AuditQuery): Promise<Page<AuditEntry>> {
  let rows = connection.selectFrom("mcp_audit").selectAll();
  if (query.ownerId !== undefined) rows = rows.where("owner_id", "=", query.ownerId);
  if (query.action !== undefined) rows = rows.where("action", "=", query.action);
  if (query.subjectId !== undefined) rows = rows.where("subject_id", "=", query.subjectId);
  return pageById(query, async ({ before, limit }) => {
    const page = before === undefined ? rows : rows.where("id", "<", before);
    return (await page.orderBy("id", "desc").limit(limit).execute()).map(toAuditEntry);
  });
}

function toAuditEntry(row: Selectable<AuditRow>): AuditEntry {
  return {
    id: row.id,
    actorId: row.actor_id,
    ownerId: row.owner_id,
    action: row.action,
    subjectType: row.subject_type,
    subjectId: row.subject_id,
    outcome: row.outcome as AuditEntry["outcome"],
    details:
      row.details === null
        ? null
        : decodeJson<Readonly<Record<string, unknown>>>(row.details, "mcp_audit.details"),
    createdAt: row.created_at,
  };
}
