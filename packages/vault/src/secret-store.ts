import { type Connection, type Page, type PageQuery, pageById } from "@moorage/core";

/** A sealed secret as stored; times are ISO-8601 UTC text. */
export interface SecretRow {
  readonly id: string;
  readonly owner_id: string;
  readonly scope: string;
  /** `""` for a secret of the owner at large. */
  readonly scope_id: string;
  readonly name: string;
  readonly version: number;
  readonly key_id: string;
  readonly envelope: string;
  readonly hint: string | null;
  readonly created_at: string;
  readonly updated_at: string;
  readonly last_used_at: string | null;
  /** When the value was last replaced. */
  readonly rotated_at: string | null;
  readonly rotate_after_days: number | null;
  readonly expires_at: string | null;
  /** The smallest of 14, 7 and 1 days ahead of `expires_at` that was announced. */
  readonly warned_days: number | null;
  /** 1: that it has expired was announced. */
  readonly expired_notified: number;
  /** The version before, sealed for that purpose; with its key and its end, or all three null. */
  readonly previous_envelope: string | null;
  readonly previous_key_id: string | null;
  readonly previous_until: string | null;
}

/** One secret's place; unique. */
export type SecretPlace = Pick<SecretRow, "owner_id" | "scope" | "scope_id" | "name">;

export interface SecretFilter {
  readonly ownerId?: string | undefined;
  readonly scope?: string | undefined;
  readonly scopeId?: string | undefined;
}

const secrets = (connection: Connection) => connection.withTables<{ mcp_secrets: SecretRow }>();

/** Stores a secret, or the next version of the one in its place, of which nothing is kept. Returns the row as it is now. */
export function storeSecret(connection: Connection, row: SecretRow): Promise<SecretRow> {
  return secrets(connection)
    .insertInto("mcp_secrets")
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(["owner_id", "scope", "scope_id", "name"]).doUpdateSet((eb) => {
        const { id: _, created_at, last_used_at, ...replaced } = row;
        return { ...replaced, version: eb("mcp_secrets.version", "+", 1), rotated_at: row.updated_at };
      }),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Changes a secret that still has the version that was read. Returns it, or undefined if another write came first. */
export function replaceSecret(
  connection: Connection,
  read: Pick<SecretRow, "id" | "version">,
  changes: Partial<SecretRow>,
): Promise<SecretRow | undefined> {
  return secrets(connection)
    .updateTable("mcp_secrets")
    .set(changes)
    .where("id", "=", read.id)
    .where("version", "=", read.version)
    .returningAll()
    .executeTakeFirst();
}

/** Only what names the place, whatever else the object has. */
function columnsOf({ owner_id, scope, scope_id, name }: SecretPlace): SecretPlace {
  return { owner_id, scope, scope_id, name };
}

/** The secret of one place, or undefined if there is none. */
export function findSecret(connection: Connection, place: SecretPlace): Promise<SecretRow | undefined> {
  return secrets(connection)
    .selectFrom("mcp_secrets")
    .selectAll()
    .where((row) => row.and(columnsOf(place)))
    .executeTakeFirst();
}

/** Like {@link findSecret}, and holds the row until the transaction ends. */
export function lockSecret(transaction: Connection, place: SecretPlace): Promise<SecretRow | undefined> {
  // A write that changes nothing: SQLite has no "for update".
  return secrets(transaction)
    .updateTable("mcp_secrets")
    .set((eb) => ({ version: eb.ref("version") }))
    .where((row) => row.and(columnsOf(place)))
    .returningAll()
    .executeTakeFirst();
}

/** Deletes the secret of one place. Returns it, or undefined if there was none. */
export function deleteSecret(connection: Connection, place: SecretPlace): Promise<SecretRow | undefined> {
  return secrets(connection)
    .deleteFrom("mcp_secrets")
    .where((row) => row.and(columnsOf(place)))
    .returningAll()
    .executeTakeFirst();
}

/** Deletes every secret of one scope of an owner. Returns them. */
export function deleteScope(
  connection: Connection,
  scope: Omit<SecretPlace, "name">,
): Promise<readonly SecretRow[]> {
  return secrets(connection)
    .deleteFrom("mcp_secrets")
    .where("owner_id", "=", scope.owner_id)
    .where("scope", "=", scope.scope)
    .where("scope_id", "=", scope.scope_id)
    .returningAll()
    .execute();
}

/** One page of secrets, newest first. Throws `INVALID_INPUT` for a cursor that no page gave. */
export function listSecrets(
  connection: Connection,
  filter: SecretFilter,
  query: PageQuery,
): Promise<Page<SecretRow>> {
  const { ownerId = "", scope = "", scopeId = "" } = filter;
  return pageById(query, ({ before = "", limit }) =>
    secrets(connection)
      .selectFrom("mcp_secrets")
      .selectAll()
      .$if(ownerId !== "", (rows) => rows.where("owner_id", "=", ownerId))
      .$if(scope !== "", (rows) => rows.where("scope", "=", scope))
      .$if(scopeId !== "", (rows) => rows.where("scope_id", "=", scopeId))
      .$if(before !== "", (rows) => rows.where("id", "<", before))
      .orderBy("id", "desc")
      .limit(limit)
      .execute(),
  );
}

/** Notes when secrets were opened last. */
export async function markUsed(
  connection: Connection,
  ids: readonly string[],
  usedAt: string,
): Promise<void> {
  if (ids.length === 0) return;
  await secrets(connection)
    .updateTable("mcp_secrets")
    .set({ last_used_at: usedAt })
    .where("id", "in", ids)
    .execute();
}
