import type { Connection } from "../store/database.ts";

/** One thing that was done, refused or failed; `details` is small, plain JSON without secrets. */
export interface NewAuditEntry {
  readonly actorId: string | null;
  readonly ownerId: string | null;
  /** `noun.verb`. */
  readonly action: string;
  readonly subjectType: string;
  readonly subjectId: string | null;
  readonly outcome: "allowed" | "denied" | "failed";
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Writes audit entries. */
export interface AuditWriter {
  /**
   * Stores the entry. By itself it never throws: what was done stays done, so that a failure goes to the logger. With
   * the connection of an open transaction the entry is part of it, and a failure is thrown, so that nothing is
   * committed without its entry. Inside a transaction always pass its connection.
   */
  record(entry: NewAuditEntry, connection?: Connection): Promise<void>;
}
