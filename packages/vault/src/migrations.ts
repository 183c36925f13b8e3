import type { Migrations } from "@moorage/core";
import { sql } from "kysely";

/** The vault's steps of the schema; append only. */
export const vaultMigrations: Migrations = {
  "vault-0001-secrets": {
    async up(connection, dialect) {
      // By bytes: otherwise the order of ids would follow the language the Postgres cluster was made for.
      const text = dialect === "postgres" ? sql`text collate "C"` : "text";
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
};
