import type { Instance } from "../instances/instance.ts";
import { UNSETTLED_PAIRS } from "../instances/states.ts";
import type { Connection, Database } from "./database.ts";
import { toInstance } from "./instance-rows.ts";

/** Which rows a sweep may look at: those of this host and those of nobody, at most `limit`. */
export interface DueQuery {
  readonly hostId: string;
  readonly limit: number;
}

function reachable(database: Database, query: DueQuery) {
  return database.connection
    .selectFrom("mcp_instances")
    .selectAll()
    .where((expression) =>
      expression.or([expression("host_id", "is", null), expression("host_id", "=", query.hostId)]),
    )
    .limit(query.limit);
}

/** Rows whose state is not the desired one, and whose pause after a crash, if any, is over. */
export async function findUnsettled(database: Database, query: DueQuery): Promise<readonly string[]> {
  const rows = await reachable(database, query)
    .where((expression) =>
      expression.or(
        UNSETTLED_PAIRS.map((pair) =>
          expression.and([expression("desired", "=", pair.desired), expression("state", "=", pair.state)]),
        ),
      ),
    )
    .where((expression) =>
      expression.or([
        expression("next_attempt_at", "is", null),
        expression("next_attempt_at", "<=", database.now()),
        expression("desired", "!=", "running"),
      ]),
    )
    .where((expression) =>
      expression.or([expression("claim_until", "is", null), expression("claim_until", "<", database.now())]),
    )
    .execute();
  return rows.map((row) => row.id);
}

/** Instances whose time to live is over. */
export async function findExpired(database: Database, query: DueQuery): Promise<readonly Instance[]> {
  const rows = await reachable(database, query)
    .where("expires_at", "<=", database.now())
    .where("desired", "=", "running")
    .orderBy("expires_at")
    .execute();
  return rows.map(toInstance);
}

/** Running instances that nobody has used for their idle time. */
export async function findIdle(database: Database, query: DueQuery): Promise<readonly Instance[]> {
  const rows = await reachable(database, query)
    .where("auto_stop_at", "<=", database.now())
    .where("desired", "=", "running")
    .where("state", "=", "running")
    .orderBy("auto_stop_at")
    .execute();
  return rows.map(toInstance);
}

/** Running instances that end within `leadMs` and whose owner was not told yet. */
export async function findExpiring(
  database: Database,
  query: DueQuery & { readonly leadMs: number },
): Promise<readonly Instance[]> {
  const soon = database.now(query.leadMs);
  const rows = await reachable(database, query)
    .where("expiring_notified_at", "is", null)
    .where("desired", "=", "running")
    .where((expression) =>
      expression.or([expression("expires_at", "<=", soon), expression("auto_stop_at", "<=", soon)]),
    )
    .execute();
  return rows.map(toInstance);
}

/** What this host runs, and has not probed since `before` (ISO-8601). */
export async function findUnprobed(
  connection: Connection,
  query: DueQuery & { readonly before: string },
): Promise<readonly Instance[]> {
  const rows = await connection
    .selectFrom("mcp_instances")
    .selectAll()
    .where("host_id", "=", query.hostId)
    .where("state", "=", "running")
    .where((expression) =>
      expression.or([
        expression("last_health_check_at", "is", null),
        expression("last_health_check_at", "<=", query.before),
      ]),
    )
    .limit(query.limit)
    .execute();
  return rows.map(toInstance);
}
