import type { Connection } from "@moorage/core";
import type { SecretRow } from "./secret-store.ts";
import type { SecretPurpose } from "./secrets.ts";

/** What a change of the master key looks at. */
export type RewrapRow = Pick<
  SecretRow,
  | "id"
  | "owner_id"
  | "scope"
  | "scope_id"
  | "name"
  | "key_id"
  | "envelope"
  | "previous_key_id"
  | "previous_envelope"
>;

/** A part of the rows, by id. */
export interface RowRange {
  /** Rows whose id is greater. */
  readonly after: string;
  /** The last row of the range; the last one of all if left out. */
  readonly upTo?: string | undefined;
}

/** One envelope's replacement. */
export interface EnvelopeMove {
  readonly id: string;
  readonly purpose: SecretPurpose;
  readonly from: string;
  readonly to: { readonly keyId: string; readonly envelope: string };
}

const secrets = (connection: Connection) => connection.withTables<{ mcp_secrets: RewrapRow }>();

/** A comparison with null is not true: a row without a version before is not chosen for one. */
const strangers = (connection: Connection, activeKeyId: string) =>
  secrets(connection)
    .selectFrom("mcp_secrets")
    .where((eb) => eb.or([eb("key_id", "<>", activeKeyId), eb("previous_key_id", "<>", activeKeyId)]));

/** How many rows need another key than this one. */
export async function countStrangers(connection: Connection, activeKeyId: string): Promise<number> {
  const { total } = await strangers(connection, activeKeyId)
    .select((eb) => eb.fn.countAll().as("total"))
    .executeTakeFirstOrThrow();
  return Number(total);
}

/** The id of the row that comes after `skip` others that need another key; `""` if there are no more. */
export async function findStranger(
  connection: Connection,
  activeKeyId: string,
  skip: number,
): Promise<string> {
  const row = await strangers(connection, activeKeyId)
    .select("id")
    .orderBy("id")
    .offset(skip)
    .limit(1)
    .executeTakeFirst();
  return row?.id ?? "";
}

/** The first rows of a range that need another key than this one, by id. */
export function listStrangers(
  connection: Connection,
  activeKeyId: string,
  { after, upTo = "", limit }: RowRange & { readonly limit: number },
): Promise<RewrapRow[]> {
  return strangers(connection, activeKeyId)
    .select(["id", "owner_id", "scope", "scope_id", "name", "key_id", "envelope"])
    .select(["previous_key_id", "previous_envelope"])
    .where("id", ">", after)
    .$if(upTo !== "", (rows) => rows.where("id", "<=", upTo))
    .orderBy("id")
    .limit(limit)
    .execute();
}

/** Replaces one envelope, unless it is another one by now. Returns whether it did. */
export async function moveEnvelope(
  connection: Connection,
  { id, purpose, from, to }: EnvelopeMove,
): Promise<boolean> {
  const change =
    purpose === "previous"
      ? { previous_key_id: to.keyId, previous_envelope: to.envelope }
      : { key_id: to.keyId, envelope: to.envelope };
  const result = await secrets(connection)
    .updateTable("mcp_secrets")
    .set(change)
    .where("id", "=", id)
    .where(purpose === "previous" ? "previous_envelope" : "envelope", "=", from)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** How many secrets need each key, in their current version or the one before. */
export async function countByKey(connection: Connection): Promise<ReadonlyMap<string, number>> {
  const rows = await secrets(connection)
    .selectFrom("mcp_secrets")
    .select(["key_id", "previous_key_id", (eb) => eb.fn.countAll().as("total")])
    .groupBy(["key_id", "previous_key_id"])
    .execute();
  const counts = new Map<string, number>();
  for (const { key_id, previous_key_id, total } of rows) {
    for (const keyId of new Set([key_id, previous_key_id ?? key_id])) {
      counts.set(keyId, (counts.get(keyId) ?? 0) + Number(total));
    }
  }
  return counts;
}
