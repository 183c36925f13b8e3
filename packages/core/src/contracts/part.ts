import type { AuditWriter } from "../access/audit-writer.ts";
import type { Clock } from "../clock.ts";
import type { EventPublisher } from "../events.ts";
import type { IdFactory } from "../ids.ts";
import type { Logger } from "../logger.ts";
import type { Database, Migrations } from "../store/database.ts";
import type { LeaseStore } from "../store/leases.ts";

/** What the platform lends to each of its parts. */
export interface PartContext {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdFactory;
  readonly logger: Logger;
  readonly events: EventPublisher;
  readonly leases: LeaseStore;
  readonly audit: AuditWriter;
  /** Names this process among the replicas that share the database; new with every start of the process. */
  readonly hostId: string;
}

/**
 * A part of the platform, as a host passes it to `createPlatform()`: a vault, a scheduler, a proxy. `create`
 * is called once, by the platform, does no I/O and returns the service.
 */
export interface Part<Service> {
  readonly name: string;
  /** Steps merged into the platform's own migrations; each name starts with the part's name. */
  readonly migrations?: Migrations;
  create(context: PartContext): Service;
}
