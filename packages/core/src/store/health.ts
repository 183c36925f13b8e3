import { sql } from "kysely";
import type { Database } from "./database.ts";

/** Whether the database answers. Never throws: that it does not is the answer. */
export async function checkHealth(database: Database): Promise<{ readonly database: "ok" | "failing" }> {
  try {
    await sql`select 1`.execute(database.connection);
    return { database: "ok" };
  } catch {
    return { database: "failing" };
  }
}
