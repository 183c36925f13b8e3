import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SecretMetadata, SecretScope, Vault } from "../contracts/vault.ts";
import { INSTANCE, SECRET } from "../http/test-rows.ts";
import type { Instance } from "../instances/instance.ts";
import type { Database } from "../store/database.ts";
import { insertInstance } from "../store/instances.ts";
import { type TestDatabase, testDialects } from "../store/test-databases.ts";
import { findUsers } from "./users.ts";

let files: TestDatabase;
let database: Database;

beforeEach(async () => {
  const sqlite = testDialects(null)[0];
  if (!sqlite) throw new Error("SQLite is always there.");
  files = await sqlite.make();
  database = await files.openMigrated();
});
afterEach(() => files.close());

const insert = (id: string, overrides: Partial<Instance> = {}) =>
  insertInstance(database.connection, { ...INSTANCE, id, environment: { A: "secret:TOKEN" }, ...overrides });

/** A vault that knows secrets of these names and places, one to a page. */
function listing(stored: readonly Partial<SecretMetadata>[]): Vault {
  const list: Vault["list"] = async ({ cursor = "0" }) => {
    const index = Number(cursor);
    const items = stored.slice(index, index + 1).map((secret) => ({ ...SECRET, ...secret }));
    return { items, nextCursor: index + 1 < stored.length ? String(index + 1) : null };
  };
  return { list } as Partial<Vault> as Vault;
}

async function users(
  scope: SecretScope,
  { places = [], grantedTo = [] }: { places?: readonly SecretScope[]; grantedTo?: readonly string[] } = {},
): Promise<readonly string[]> {
  const vault = listing([...places, scope].map((place) => ({ scope: place })));
  const secret = { ownerId: "alice", name: "TOKEN", scope };
  const found = await findUsers({ connection: database.connection, vault }, { secret, grantedTo });
  return found.map(({ id }) => id).sort();
}

const OWNER: SecretScope = { kind: "owner" };

describe("the instances that use a secret", () => {
  it("are found on every page", async () => {
    const ids = Array.from({ length: 205 }, (_, index) => `i${String(index).padStart(3, "0")}`);
    for (const id of ids) await insert(id);
    expect(await users(OWNER)).toEqual(ids);
  });

  it("are the owner's, not deleted, and name it as a whole value", async () => {
    await insert("yes");
    await insert("foreign", { ownerId: "bob" });
    await insert("deleted", { deletedAt: "2030", state: "deleted", desired: "deleted" });
    await insert("leaving", { desired: "deleted" });
    await insert("inside", { environment: { A: "x secret:TOKEN", B: "secret:TOKEN2", TOKEN: "v" } });
    expect(await users(OWNER)).toEqual(["yes"]);
  });

  it("do not use it where another of its name stands nearer", async () => {
    await insert("one", { serverId: "s1" });
    await insert("two", { serverId: "s1" });
    await insert("three", { serverId: "s2" });
    const own: SecretScope = { kind: "instance", id: "one" };
    const server: SecretScope = { kind: "server", id: "s1" };
    expect(await users(OWNER, { places: [own, server] })).toEqual(["three"]);
    expect(await users(server, { places: [own, OWNER] })).toEqual(["two"]);
    expect(await users(own, { places: [server, OWNER] })).toEqual(["one"]);
  });

  it("name an instance's secret in full only where it is their own or was granted to them", async () => {
    const environment = { A: "secret_ref:one:TOKEN" };
    for (const id of ["one", "two", "three"]) await insert(id, { environment });
    const own: SecretScope = { kind: "instance", id: "one" };
    expect(await users(own, { grantedTo: ["three"] })).toEqual(["one", "three"]);
    expect(await users({ kind: "instance", id: "two" })).toEqual([]);
    expect(await users({ kind: "server", id: INSTANCE.serverId ?? "" })).toEqual([]);
  });
});
