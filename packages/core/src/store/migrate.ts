import { type Kysely, sql } from "kysely";
import { PlatformError } from "../errors.ts";
import type { Connection, Database, Migration, Migrations } from "./database.ts";

export interface MigrateOptions {
  /** `up` if left out. */
  readonly direction?: "up" | "down";
  /** How many steps at most: all pending ones upwards, one downwards, if left out. */
  readonly steps?: number;
}

type Ledger = Kysely<{
  mcp_migrations: { readonly name: string; readonly position: number; readonly applied_at: string };
}>;

/** Any number: it only has to be the same in every process. */
const LOCK_KEY = 7_236_019_405;

/**
 * Runs the steps that are not in the ledger yet, in the order of the record, or undoes the newest ones; all of it in
 * one transaction, which other processes wait for. Returns the names of the steps it ran. Steps of the ledger that
 * the record does not have are left alone upwards; undoing one throws `CONFLICT`.
 */
export async function migrate(
  database: Database,
  migrations: Migrations,
  options: MigrateOptions = {},
): Promise<readonly string[]> {
  const { direction = "up", steps } = checked(options);
  return database.transaction(async (transaction) => {
    const ledger = transaction as unknown as Ledger;
    await lock(ledger, database);
    const rows = await ledger.selectFrom("mcp_migrations").selectAll().orderBy("position").execute();
    const run: Run = { database, transaction, ledger, migrations, applied: rows.map(({ name }) => name) };
    if (direction === "down") return undo(run, steps ?? 1);
    return apply(run, { steps, position: (rows.at(-1)?.position ?? 0) + 1 });
  });
}

interface Run {
  readonly database: Database;
  readonly transaction: Connection;
  readonly ledger: Ledger;
  readonly migrations: Migrations;
  readonly applied: readonly string[];
}

function checked(options: MigrateOptions): MigrateOptions {
  const { direction, steps } = options;
  const isKnown = direction === undefined || direction === "up" || direction === "down";
  const isCount = steps === undefined || (Number.isInteger(steps) && steps > 0);
  if (isKnown && isCount) return options;
  const [path, message] = isKnown
    ? ["steps", "steps must be a whole number above 0."]
    : ["direction", 'direction must be "up" or "down".'];
  throw new PlatformError("INVALID_INPUT", message, { details: { issues: [{ path, message }] } });
}

/** Lets one process in at a time; SQLite's transaction does so by itself. */
async function lock(ledger: Ledger, database: Database): Promise<void> {
  if (database.dialect === "postgres") {
    // Stricter isolation would go on seeing the ledger as it was before the wait.
    await sql`set transaction isolation level read committed`.execute(ledger);
    await sql`select pg_advisory_xact_lock(${sql.lit(LOCK_KEY)})`.execute(ledger);
  }
  await ledger.schema
    .createTable("mcp_migrations")
    .ifNotExists()
    .addColumn("name", "text", (column) => column.primaryKey().notNull())
    .addColumn("position", "integer", (column) => column.notNull())
    .addColumn("applied_at", "text", (column) => column.notNull())
    .execute();
}

async function apply(
  run: Run,
  from: { readonly steps: number | undefined; readonly position: number },
): Promise<string[]> {
  const pending = Object.entries(run.migrations)
    .filter(([name]) => !run.applied.includes(name))
    .slice(0, from.steps);
  for (const [index, [name, migration]] of pending.entries()) {
    await migration.up(bare(run.transaction), run.database.dialect);
    await run.ledger
      .insertInto("mcp_migrations")
      .values({ name, position: from.position + index, applied_at: run.database.now() })
      .execute();
  }
  return pending.map(([name]) => name);
}

async function undo(run: Run, steps: number): Promise<string[]> {
  const names = run.applied.slice(-steps).reverse();
  const undoing = names.map((name) => [name, knownStep(run.migrations, name)] as const);
  for (const [name, migration] of undoing) {
    await migration.down(bare(run.transaction), run.database.dialect);
    await run.ledger.deleteFrom("mcp_migrations").where("name", "=", name).execute();
  }
  return names;
}

function knownStep(migrations: Migrations, name: string): Migration {
  const migration = Object.hasOwn(migrations, name) ? migrations[name] : undefined;
  if (migration) return migration;
  throw new PlatformError(
    "CONFLICT",
    `The step "${name}" of the schema was made by something this platform does not have. Undo it with what made it.`,
  );
}

// A step knows the tables of its time, not today's.
function bare(transaction: Connection): Kysely<unknown> {
  return transaction as unknown as Kysely<unknown>;
}
