import { type ColumnDataType, type Kysely, type RawBuilder, sql } from "kysely";
import type { Dialect } from "./database.ts";

/**
 * Kinds of columns that SQLite and Postgres share: `key` is a text primary key, `sequence` a number that the database
 * counts up and that is the primary key; `?` allows null. Text is compared by its bytes on both.
 */
export type ColumnKind = "key" | "sequence" | "text" | "text?" | "integer" | "integer?";

export type Columns = Readonly<Record<string, ColumnKind>>;

/** Makes a table in a migration, the same on both dialects. */
export async function createTable(
  connection: Kysely<unknown>,
  dialect: Dialect,
  table: { readonly name: string; readonly columns: Columns },
): Promise<void> {
  let builder = connection.schema.createTable(table.name);
  for (const [name, kind] of Object.entries(table.columns)) {
    builder = builder.addColumn(name, columnType(kind, dialect), (column) => {
      if (kind === "key") return column.primaryKey().notNull();
      if (kind === "sequence") return numbered(column, dialect);
      return kind.endsWith("?") ? column : column.notNull();
    });
  }
  await builder.execute();
}

type ColumnBuilder = Parameters<
  Parameters<ReturnType<Kysely<unknown>["schema"]["createTable"]>["addColumn"]>[2] & {}
>[0];

function numbered(column: ColumnBuilder, dialect: Dialect): ColumnBuilder {
  return dialect === "postgres"
    ? column.generatedAlwaysAsIdentity().primaryKey()
    : column.primaryKey().autoIncrement();
}

function columnType(kind: ColumnKind, dialect: Dialect): ColumnDataType | RawBuilder<unknown> {
  if (kind === "sequence") return dialect === "postgres" ? "bigint" : "integer";
  if (kind === "integer" || kind === "integer?") return "integer";
  // Otherwise the order of ids and times would follow the language the Postgres cluster was made for.
  return dialect === "postgres" ? sql`text collate "C"` : "text";
}

/** An index on columns of a table, named `<table>_<suffix>`; `where` makes it partial. */
export interface IndexDefinition {
  readonly table: string;
  readonly suffix: string;
  readonly columns: readonly string[];
  readonly isUnique?: boolean;
  /** Only rows in which this column is null are in the index. */
  readonly whereNull?: string;
}

/** Makes an index in a migration. */
export async function createIndex(connection: Kysely<unknown>, index: IndexDefinition): Promise<void> {
  let builder = connection.schema
    .createIndex(`${index.table}_${index.suffix}`)
    .on(index.table)
    .columns([...index.columns]);
  if (index.isUnique) builder = builder.unique();
  if (index.whereNull !== undefined) builder = builder.where(sql.ref(index.whereNull), "is", null);
  await builder.execute();
}
