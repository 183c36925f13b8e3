import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  coreMigrations,
  createLeaseStore,
  type Database,
  type DatabaseHandle,
  migrateDatabase,
  openDatabase,
  silentLogger,
  systemClock,
  uuidV7,
  type Vault,
} from "@moorage/core";
import { postgres } from "@moorage/core/postgres";
import { sqlite } from "@moorage/core/sqlite";
import { type VaultOptions, vault } from "@moorage/vault";
import { sql } from "kysely";

/** Where a database is, in a form that another process can be told: a file, or a URL and a schema. */
export type Location = readonly [location: string, schema: string];

export interface VaultPlace {
  readonly location: Location;
  remove(): Promise<void>;
}

/** A SQLite file in a folder of its own. */
export async function vaultFile(): Promise<VaultPlace> {
  const folder = mkdtempSync(join(tmpdir(), "moorage-vault-"));
  return {
    location: [join(folder, "vault.db"), ""],
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A Postgres schema of its own. */
export async function vaultSchema(url: string): Promise<VaultPlace> {
  const schema = `moorage_vault_${randomUUID().replaceAll("-", "")}`;
  const admin = postgres({ connectionString: url, max: 1 });
  await sql`create schema ${sql.id(schema)}`.execute(admin.kysely);
  return {
    location: [url, schema],
    async remove() {
      await sql`drop schema ${sql.id(schema)} cascade`.execute(admin.kysely);
      await admin.close?.();
    },
  };
}

export interface OpenVault {
  readonly database: Database;
  readonly vault: Vault;
  close(): Promise<void>;
}

/** A vault on the database of that place, which is migrated first; nothing listens to its events. */
export async function openVault([location, schema]: Location, options: VaultOptions): Promise<OpenVault> {
  const handle: DatabaseHandle =
    schema === ""
      ? sqlite(location)
      : postgres({ connectionString: location, options: `-c search_path=${schema}`, max: 2 });
  const database = openDatabase(handle);
  const part = vault(options);
  await migrateDatabase(database, { ...coreMigrations, ...part.migrations });
  const service = part.create({
    database,
    clock: systemClock,
    ids: uuidV7,
    logger: silentLogger,
    leases: createLeaseStore(database, { owner: "test" }),
    hostId: "test",
    events: { async record() {}, async deliver() {} },
    audit: { async record() {} },
  });
  return { database, vault: service, close: () => database.close() };
}

/** Stores `count` secrets of the owner `ada`, named `S0` and so on, in a few transactions. */
export async function fillVault({ database, vault: service }: OpenVault, count: number): Promise<void> {
  for (let from = 0; from < count; from += 250) {
    await database.transaction(async (connection) => {
      for (let at = from; at < Math.min(count, from + 250); at += 1) {
        const secret = {
          ownerId: "ada",
          scope: { kind: "owner" },
          name: `S${at}`,
          value: `value ${at}`,
        } as const;
        await service.put(secret, { connection });
      }
    });
  }
}

/** Every value of the vault that {@link fillVault} filled, in its order; throws if one does not open. */
export async function readVault({ vault: service }: OpenVault, count: number): Promise<readonly string[]> {
  const names = Array.from({ length: count }, (_, at) => `S${at}`);
  const environment = Object.fromEntries(names.map((name) => [name, `secret:${name}`]));
  const request = { ownerId: "ada", instanceId: "none", serverId: null, environment };
  const { values } = await service.resolve(request);
  return names.map((name) => values[name] ?? "");
}
