import { type Kysely, PostgresAdapter, SqliteAdapter } from "kysely";
import { PlatformError } from "../errors.ts";
import type { Dialect } from "./database.ts";

const ADAPTERS = [
  { dialect: "sqlite", adapter: SqliteAdapter, name: "SqliteAdapter" },
  { dialect: "postgres", adapter: PostgresAdapter, name: "PostgresAdapter" },
] as const;

/** The dialect a Kysely speaks, read off its adapter. Throws `INVALID_INPUT` if it is neither SQLite nor Postgres. */
export function dialectOf<Tables>(kysely: Kysely<Tables>): Dialect {
  const { adapter } = kysely.getExecutor();
  const names = ancestry(adapter);
  const found = ADAPTERS.find((entry) => adapter instanceof entry.adapter || names.includes(entry.name));
  if (found) return found.dialect;
  const message = `The database's Kysely has the adapter "${names[0]}". Moorage runs on SQLite and Postgres only.`;
  throw new PlatformError("INVALID_INPUT", message, {
    details: { issues: [{ path: "database", message }] },
  });
}

// By name as well: the host's Kysely may come from another copy of the package.
function ancestry(value: object): string[] {
  const names: string[] = [];
  let prototype: object | null = Object.getPrototypeOf(value);
  while (prototype !== null && prototype !== Object.prototype) {
    names.push(prototype.constructor.name);
    prototype = Object.getPrototypeOf(prototype);
  }
  return names;
}
