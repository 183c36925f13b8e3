import { z } from "zod";
import { type Clock, isoTime } from "../clock.ts";
import type { IdFactory } from "../ids.ts";
import { parseInput, withoutUndefined } from "../input.ts";
import { lineText, pageFields } from "../input-fields.ts";
import type { Logger } from "../logger.ts";
import type { Audit } from "../services.ts";
import { insertAuditEntry, listAuditEntries } from "../store/audit.ts";
import type { Database } from "../store/database.ts";
import type { AuditWriter } from "./audit-writer.ts";
import type { Access } from "./authorize.ts";

export type { AuditWriter, NewAuditEntry } from "./audit-writer.ts";

export interface AuditWriterOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdFactory;
  readonly logger: Logger;
}

/** The writer of audit entries for all parts of one platform. */
export function createAuditWriter({ database, clock, ids, logger }: AuditWriterOptions): AuditWriter {
  return {
    async record(entry, connection) {
      const row = { ...entry, id: ids(), details: entry.details ?? null, createdAt: isoTime(clock.now()) };
      if (connection) return insertAuditEntry(connection, row);
      try {
        await insertAuditEntry(database.connection, row);
      } catch (error) {
        const { action, subjectType, subjectId, outcome } = entry;
        logger.error({ error, action, subjectType, subjectId, outcome }, "an audit entry was not written");
      }
    },
  };
}

const querySchema = z
  .strictObject({ ...pageFields, ownerId: lineText(200), action: lineText(100), subjectId: lineText(200) })
  .partial();

/** The audit as a service: lists entries of those owners whose entries the actor may read. */
export function createAudit({
  database,
  access,
}: {
  readonly database: Database;
  readonly access: Access;
}): Audit {
  return {
    async list(query = {}, options = {}) {
      const parsed = parseInput(querySchema, query, "query");
      const ownerId = await access.visibleOwner(options.actor, "audit.read", parsed.ownerId);
      return listAuditEntries(database.connection, withoutUndefined({ ...parsed, ownerId }));
    },
  };
}
