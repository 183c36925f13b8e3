import { closeSync, openSync } from "node:fs";
import { resolve } from "node:path";
import { Kysely } from "kysely";
import { PlatformError } from "./errors.ts";
import type { DatabaseHandle } from "./store/database.ts";
import { sqliteDialect } from "./store/sqlite-dialect.ts";
import { openSqliteEngine, type SqliteEngine, type SqliteLibrary } from "./store/sqlite-engines.ts";

export interface SqliteOptions {
  /** Which library opens the file: `node:sqlite` where Node has it, else `libsql`, if left out. */
  readonly library?: SqliteLibrary;
}

// Longer waits for another process's lock are made between tries, where the event loop goes on.
const BUSY_TIMEOUT_MS = 10;

const PRAGMAS = [
  `busy_timeout = ${BUSY_TIMEOUT_MS}`,
  "journal_mode = wal",
  "synchronous = normal",
  "foreign_keys = on",
];

/**
 * A database in one file, or in memory with `":memory:"`. Opens nothing before the first use; a file it creates is
 * readable by its owner only. Throws `INVALID_INPUT` for an empty path; using it throws `NOT_CONFIGURED` where no
 * library is installed and `INVALID_INPUT` where the file cannot be opened.
 */
export function sqlite(path: string, options: SqliteOptions = {}): DatabaseHandle {
  if (typeof path !== "string" || path === "") {
    throw invalidPath('sqlite() needs the path of a file, or ":memory:".');
  }
  const file = path === ":memory:" ? path : resolve(path);
  const kysely = new Kysely<unknown>({ dialect: sqliteDialect(() => openFile(file, options.library)) });
  return { dialect: "sqlite", kysely, close: () => kysely.destroy() };
}

async function openFile(file: string, library: SqliteLibrary | undefined): Promise<SqliteEngine> {
  if (file !== ":memory:") createPrivately(file);
  const engine = await openSqliteEngine(file, library);
  try {
    for (const pragma of PRAGMAS) engine.run(`pragma ${pragma}`, []);
    return engine;
  } catch (error) {
    engine.close();
    throw error;
  }
}

// An empty file is an empty database, and SQLite gives its side files the mode of the file.
function createPrivately(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    const reason = code === "ENOENT" ? "its folder does not exist" : `the system says ${code}`;
    throw invalidPath(`The SQLite file "${file}" cannot be created: ${reason}.`, error);
  }
}

function invalidPath(message: string, cause?: unknown): PlatformError {
  return new PlatformError("INVALID_INPUT", message, {
    details: { issues: [{ path: "database", message }] },
    ...(cause === undefined ? {} : { cause }),
  });
}
