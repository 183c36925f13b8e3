import type { Dialect, Migration, Migrations } from "@moorage/core";
import { sql } from "kysely";

/** The vault's steps of the schema; append only. */
export const vaultMigrations: Migrations = {
  "vault-0001-secrets": {
    async up(connection, dialect) {
      const text = textOf(dialect);
      await connection.schema
        .createTable("mcp_secrets")
        .addColumn("id", text, (column) => column.primaryKey().notNull())
        .addColumn("owner_id", text, (column) => column.notNull())
        .addColumn("scope", text, (column) => column.notNull())
        // "" for a secret of the owner at large: a null would not count in the unique index.
        .addColumn("scope_id", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("version", "integer", (column) => column.notNull())
        .addColumn("key_id", text, (column) => column.notNull())
        .addColumn("envelope", text, (column) => column.notNull())
        .addColumn("hint", text)
        .addColumn("created_at", text, (column) => column.notNull())
        .addColumn("updated_at", text, (column) => column.notNull())
        .addColumn("last_used_at", text)
        .execute();
      await connection.schema
        .createIndex("mcp_secrets_address")
        .on("mcp_secrets")
        .columns(["owner_id", "scope", "scope_id", "name"])
        .unique()
        .execute();
    },
    async down(connection) {
      await connection.schema.dropTable("mcp_secrets").execute();
    },
  },
  "vault-0002-rotation": { up: addRotation, down: dropRotation },
};

type Step = Migration["up"];

const ROTATION_TEXTS = [
  "rotated_at",
  "expires_at",
  "previous_envelope",
  "previous_key_id",
  "previous_until",
] as const;
const ROTATION_NUMBERS = ["rotate_after_days", "warned_days"] as const;
/** What `tend()` looks for, each with an index of its own. */
const DUE_COLUMNS = ["expires_at", "previous_until"] as const;

async function addRotation(...[connection, dialect]: Parameters<Step>): ReturnType<Step> {
  const text = textOf(dialect);
  // One column per statement: SQLite takes no more.
  const alter = () => connection.schema.alterTable("mcp_secrets");
  for (const name of ROTATION_TEXTS) await alter().addColumn(name, text).execute();
  for (const name of ROTATION_NUMBERS) await alter().addColumn(name, "integer").execute();
  await alter()
    .addColumn("expired_notified", "integer", (column) => column.notNull().defaultTo(0))
    .execute();
  for (const column of DUE_COLUMNS) {
    await connection.schema.createIndex(`mcp_secrets_${column}`).on("mcp_secrets").column(column).execute();
  }
  await connection.schema
    .createTable("mcp_secret_grants")
    .addColumn("secret_id", text, (column) => column.notNull())
    .addColumn("instance_id", text, (column) => column.notNull())
    .addColumn("owner_id", text, (column) => column.notNull())
    .addColumn("granted_at", text, (column) => column.notNull())
    .addColumn("granted_by", text)
    .addPrimaryKeyConstraint("mcp_secret_grants_key", ["secret_id", "instance_id"])
    .execute();
  await connection.schema
    .createIndex("mcp_secret_grants_instance")
    .on("mcp_secret_grants")
    .columns(["owner_id", "instance_id"])
    .execute();
}

async function dropRotation(...[connection]: Parameters<Step>): ReturnType<Step> {
  await connection.schema.dropTable("mcp_secret_grants").execute();
  for (const column of DUE_COLUMNS) await connection.schema.dropIndex(`mcp_secrets_${column}`).execute();
  for (const name of [...ROTATION_TEXTS, ...ROTATION_NUMBERS, "expired_notified"]) {
    await connection.schema.alterTable("mcp_secrets").dropColumn(name).execute();
  }
}

/** By bytes: otherwise the order of ids would follow the language the Postgres cluster was made for. */
function textOf(dialect: Dialect) {
  return dialect === "postgres" ? sql`text collate "C"` : "text";
}
