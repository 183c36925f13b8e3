import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Connection,
  coreMigrations,
  createLeaseStore,
  type Database,
  type DatabaseHandle,
  isoTime,
  isPlatformError,
  migrateDatabase,
  type NewAuditEntry,
  type NewEvent,
  openDatabase,
  type PartContext,
  type ResolvedEnvironment,
  type SecretInput,
  silentLogger,
  systemClock,
  uuidV7,
  type Vault,
} from "@moorage/core";
import { postgres } from "@moorage/core/postgres";
import { sqlite } from "@moorage/core/sqlite";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { generateKey } from "./key-ring.ts";
import { type VaultOptions, vault } from "./vault.ts";

/** A value that is found nowhere but in the environment of a launch. */
export const SENTINEL = "sentinel-9f86d081884c7d65-value";
export const START = Date.parse("2026-03-01T10:00:00Z");
export const keys = generateKey();

/** What a vault lives in, with the things a test wants to look at. */
export interface House {
  readonly database: Database;
  readonly recorded: NewEvent[];
  readonly warnings: unknown[];
  delivered: number;
  time: number;
  canRecord: boolean;
  canAudit: boolean;
  /** Everything in the audit, oldest first. */
  audited(): Promise<readonly (NewAuditEntry & { readonly details: unknown })[]>;
  vault(options?: Partial<VaultOptions>): Vault;
  /** Empty, as it was built. */
  clear(): Promise<void>;
  /** The rows of secrets, grants, events and the audit, as text. */
  rows(): Promise<string>;
  /** The rows, and all that lies in the database's files. */
  stored(): Promise<string>;
  close(): Promise<void>;
}

export interface Place {
  readonly handle: DatabaseHandle;
  /** What lies in files beside what SQL shows. */
  files(): Promise<string>;
  remove(): Promise<void>;
}

export async function sqliteFile(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), "moorage-vault-"));
  return {
    handle: sqlite(join(folder, "vault.db")),
    async files() {
      const names = await readdir(folder);
      return (await Promise.all(names.map((name) => readFile(join(folder, name), "latin1")))).join("\n");
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function postgresSchema(url: string): Promise<Place> {
  const schema = `moorage_vault_${randomUUID().replaceAll("-", "")}`;
  const admin = postgres({ connectionString: url, max: 1 });
  await sql`create schema ${sql.id(schema)}`.execute(admin.kysely);
  return {
    handle: postgres({ connectionString: url, options: `-c search_path=${schema}`, max: 4 }),
    files: async () => "",
    async remove() {
      await sql`drop schema ${sql.id(schema)} cascade`.execute(admin.kysely);
      await admin.close?.();
    },
  };
}

const TABLES = ["mcp_secrets", "mcp_secret_grants", "mcp_events", "mcp_audit"];

/** The tables in that place, and a vault's surroundings. */
export async function build(place: Place): Promise<House> {
  const database = openDatabase(place.handle, { tablePrefix: "harbour_" });
  await migrateDatabase(database, { ...coreMigrations, ...vault({ keys }).migrations });
  const house: House = {
    database,
    recorded: [],
    warnings: [],
    delivered: 0,
    time: START,
    canRecord: true,
    canAudit: true,
    async clear() {
      for (const table of TABLES) await sql`delete from ${sql.table(table)}`.execute(database.connection);
      house.recorded.splice(0);
      house.warnings.splice(0);
      Object.assign(house, { delivered: 0, time: START, canRecord: true, canAudit: true });
    },
    vault: (options) => vault({ keys, ...options }).create(contextFor(house)),
    stored: async () => (await house.rows()) + (await place.files()),
    async rows() {
      const reading = TABLES.map((table) =>
        sql`select * from ${sql.table(table)}`.execute(database.connection),
      );
      return JSON.stringify((await Promise.all(reading)).map(({ rows }) => rows));
    },
    async audited() {
      const rows = await database.connection.selectFrom("mcp_audit").selectAll().orderBy("id").execute();
      return rows.map((row) => ({
        actorId: row.actor_id,
        ownerId: row.owner_id,
        action: row.action,
        subjectType: row.subject_type,
        subjectId: row.subject_id,
        outcome: row.outcome as NewAuditEntry["outcome"],
        details: JSON.parse(row.details ?? "null"),
      }));
    },
    async close() {
      await database.close();
      await place.remove();
    },
  };
  return house;
}

function contextFor(house: House): PartContext {
  const { database } = house;
  return {
    database,
    clock: { ...systemClock, now: () => house.time },
    ids: uuidV7,
    logger: { ...silentLogger, warn: (details) => void house.warnings.push(details) },
    leases: createLeaseStore(database, { owner: "host" }),
    hostId: "host",
    audit: {
      async record(entry: NewAuditEntry, connection: Connection = database.connection) {
        if (!house.canAudit) throw new Error("no audit entry can be stored");
        await connection
          .insertInto("mcp_audit")
          .values({
            id: uuidV7(),
            actor_id: entry.actorId,
            owner_id: entry.ownerId,
            action: entry.action,
            subject_type: entry.subjectType,
            subject_id: entry.subjectId,
            outcome: entry.outcome,
            details: JSON.stringify(entry.details ?? null),
            created_at: isoTime(house.time),
          })
          .execute();
      },
    },
    events: {
      async record(transaction: Connection, event: NewEvent) {
        if (!house.canRecord) throw new Error("no event can be stored");
        house.recorded.push(event);
        const { type, ownerId, subjectId, data } = event;
        await transaction
          .insertInto("mcp_events")
          .values({
            id: uuidV7(),
            type,
            owner_id: ownerId,
            subject_id: subjectId,
            data: JSON.stringify(data),
            created_at: isoTime(house.time),
            delivered_at: null,
          })
          .execute();
      },
      async deliver() {
        house.delivered += 1;
      },
    },
  };
}

export const owned = (name: string, value = SENTINEL, ownerId = "alice"): SecretInput => ({
  ownerId,
  scope: { kind: "owner" },
  name,
  value,
});
export const inInstance = (id: string, name: string, value = SENTINEL, ownerId = "alice"): SecretInput => ({
  ...owned(name, value, ownerId),
  scope: { kind: "instance", id },
});
export const withoutValue = ({ value: _, ...address }: SecretInput) => address;

/** Whose instance is launched. */
export const LAUNCH = { ownerId: "alice", instanceId: "i-1", serverId: "s-1" };

/** The resolved environment alone. */
export async function valuesOf(resolving: Promise<ResolvedEnvironment>) {
  return (await resolving).values;
}

export async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return isPlatformError(error) ? error.code : String(error);
}

const url = inject("postgresUrl");
/** Where the tests run: SQLite in a temporary file, Postgres in a schema of its own. */
export const places = [
  { dialect: "sqlite", isMissing: false, make: sqliteFile },
  { dialect: "postgres", isMissing: url === null, make: () => postgresSchema(url ?? "") },
];

/** Runs `tests` on every database that is at hand, with a vault of its own that is empty before each of them. */
export function inEveryHouse(
  name: string,
  tests: (home: { readonly house: House; readonly safe: Vault }) => void,
): void {
  describe.each(places)(`${name} on $dialect`, ({ isMissing, make }) => {
    describe.skipIf(isMissing)("with a database", () => {
      const home = {} as { house: House; safe: Vault };
      beforeAll(async () => {
        home.house = await build(await make());
        home.safe = home.house.vault();
      });
      beforeEach(() => home.house.clear());
      afterAll(() => home.house.close());
      tests(home);
    });
  });
}

describe("the house of these tests", () => {
  it("begins empty, and shows what is stored", async () => {
    const house = await build(await sqliteFile());
    await house.vault().put(owned("TOKEN"));
    expect(await house.rows()).toContain('"TOKEN"');
    await house.clear();
    expect(await house.rows()).toBe("[[],[],[],[]]");
    await house.close();
  });
});
