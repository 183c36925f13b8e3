import { PlatformError } from "../errors.ts";

/** What one SQL statement brought about. */
export interface SqliteResult {
  readonly rows: unknown[];
  /** Rows written, and the last row id; absent for statements that return rows. */
  readonly changes?: number | bigint;
  readonly lastInsertRowid?: number | bigint;
}

/**
 * One open SQLite database, whatever library it comes from. Synchronous, as they all are. Fails with the library's
 * own error, and then nothing of the statement is left behind.
 */
export interface SqliteEngine {
  run(sql: string, parameters: readonly unknown[]): SqliteResult;
  /** A statement without parameters and rows, such as `begin immediate`. */
  execute(sql: string): void;
  close(): void;
}

/** Which library opens the file; the first one that is there if none is named. */
export type SqliteLibrary = "node:sqlite" | "libsql";

interface Statement {
  all(...parameters: readonly unknown[]): unknown[];
  run(...parameters: readonly unknown[]): Omit<SqliteResult, "rows">;
}

interface NodeSqlite {
  readonly DatabaseSync: new (
    path: string,
  ) => {
    prepare(sql: string): Statement & { columns?(): readonly unknown[] };
    exec(sql: string): void;
    close(): void;
  };
}

interface LibsqlDatabase {
  readonly inTransaction: boolean;
  prepare(sql: string): Statement & { readonly reader: boolean };
  exec(sql: string): void;
  close(): void;
}

interface Libsql {
  readonly default: new (path: string) => LibsqlDatabase;
}

/** Where the libraries come from; replaced by tests of what happens when one is missing. */
export interface SqliteImports {
  nodeSqlite(): unknown;
  libsql(): Promise<unknown>;
}

const IMPORTS: SqliteImports = {
  nodeSqlite: () => process.getBuiltinModule("node:sqlite"),
  libsql: () => import("libsql"),
};

/** Opens `path` with the named library, or with what there is. Throws `NOT_CONFIGURED` with the remedy if there is none. */
export async function openSqliteEngine(
  path: string,
  library?: SqliteLibrary,
  imports: SqliteImports = IMPORTS,
): Promise<SqliteEngine> {
  const builtIn = library === "libsql" ? undefined : (imports.nodeSqlite() as NodeSqlite | undefined);
  if (builtIn) return nodeEngine(builtIn, path);
  if (library === "node:sqlite") {
    throw new PlatformError(
      "NOT_CONFIGURED",
      "This version of Node has no node:sqlite. Use Node 22.13 or newer, or run: npm install libsql",
    );
  }
  return libsqlEngine(await importLibsql(imports), path);
}

async function importLibsql(imports: SqliteImports): Promise<Libsql> {
  try {
    return (await imports.libsql()) as Libsql;
  } catch (cause) {
    throw new PlatformError(
      "NOT_CONFIGURED",
      "SQLite needs the libsql package on this version of Node. Run: npm install libsql",
      { cause },
    );
  }
}

function nodeEngine(library: NodeSqlite, path: string): SqliteEngine {
  const database = new library.DatabaseSync(path);
  return {
    run(sql, parameters) {
      const statement = database.prepare(sql);
      const values = parameters.map(toSqliteValue);
      const isReader = statement.columns ? statement.columns().length > 0 : READER.test(sql);
      return isReader ? { rows: statement.all(...values) } : { rows: [], ...statement.run(...values) };
    },
    execute: (sql) => database.exec(sql),
    close: () => database.close(),
  };
}

// Node before 22.16 cannot tell whether a statement returns rows.
const READER = /^\s*(select|with|pragma|values|explain)\b|\breturning\b/i;

function libsqlEngine(library: Libsql, path: string): SqliteEngine {
  const database = new library.default(path);
  const run = (sql: string, parameters: readonly unknown[]): SqliteResult => {
    const statement = database.prepare(sql);
    const values = parameters.map(toSqliteValue);
    return statement.reader ? { rows: statement.all(values) } : { rows: [], ...statement.run(values) };
  };
  return {
    run(sql, parameters) {
      const isSafe = database.inTransaction || !WRITER.test(sql);
      return isSafe ? run(sql, parameters) : lockedRun(database, () => run(sql, parameters));
    },
    execute: (sql) => database.exec(sql),
    close: () => database.close(),
  };
}

const WRITER =
  /^\s*(insert|update|delete|replace|create|drop|alter)\b|^\s*with\b.*\b(insert|update|delete)\b/is;

// A prepared statement of libsql that failed because the database was locked stays open until it is garbage, and
// until then no transaction can be committed ("SQL statements in progress"). So the lock is taken before.
function lockedRun(database: LibsqlDatabase, run: () => SqliteResult): SqliteResult {
  database.exec("begin immediate");
  try {
    const result = run();
    database.exec("commit");
    return result;
  } catch (error) {
    if (database.inTransaction) database.exec("rollback");
    throw error;
  }
}

function toSqliteValue(value: unknown): unknown {
  if (typeof value === "boolean") return value ? 1 : 0;
  return value === undefined ? null : value;
}
