import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { createAccess } from "../access/access.ts";
import { createAuditWriter } from "../access/audit.ts";
import { rbac } from "../access/rbac.ts";
import { isPlatformError } from "../errors.ts";
import type { NewEvent } from "../events.ts";
import { uuidV7 } from "../ids.ts";
import { silentLogger } from "../logger.ts";
import type { Catalog } from "../services.ts";
import { listAuditEntries } from "../store/audit.ts";
import type { Database } from "../store/database.ts";
import { countServers, findServer } from "../store/servers.ts";
import { type TestDatabase, testDialects } from "../store/test-databases.ts";
import { createCatalog } from "./catalog.ts";
import type { ServerDefinition, ServerDefinitionSource } from "./server-definition.ts";

const alice = { id: "alice", roles: ["user"] };
const bob = { id: "bob", roles: ["user"] };
const admin = { id: "root", roles: ["admin"] };
const approver = { id: "carol", roles: ["user", "approver"] };

const image: ServerDefinitionSource = {
  name: "image",
  description: "Runs in a container.",
  packages: [{ registryType: "oci", identifier: "mcp/echo:1" }],
};
const command: ServerDefinitionSource = {
  name: "echo",
  description: "Says it again.",
  packages: [{ registryType: "command", command: "node", args: ["/srv/echo.js"] }],
};

async function failure(work: Promise<unknown>) {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (isPlatformError(thrown)) return thrown;
  throw thrown ?? new Error("it succeeded");
}

for (const { dialect, isMissing, make } of testDialects(inject("postgresUrl"))) {
  describe.skipIf(isMissing)(`the catalog on ${dialect}`, () => {
    let files: TestDatabase;
    let database: Database;
    let catalog: Catalog;
    let events: NewEvent[];
    let instances: number;
    let isOutboxBroken: boolean;
    let now = Date.parse("2030-01-01T00:00:00.000Z");

    beforeAll(async () => {
      files = await make();
      database = await files.openMigrated();
    });
    afterAll(() => files.close());
    beforeEach(async () => {
      await database.connection.deleteFrom("mcp_servers").execute();
      await database.connection.deleteFrom("mcp_instances").execute();
      await database.connection.deleteFrom("mcp_audit").execute();
      events = [];
      instances = 0;
      isOutboxBroken = false;
      const clock = { now: () => (now += 1000), setTimer: () => () => {} };
      const audit = createAuditWriter({ database, clock, ids: uuidV7, logger: silentLogger });
      const roles = { user: ["*"], admin: ["*:any"], approver: ["server.approve", "server.update:any"] };
      catalog = createCatalog({
        database,
        clock,
        ids: uuidV7,
        audit,
        access: createAccess({ authorize: rbac({ roles }), requireActor: false, audit }),
        events: {
          record: async (_, event) => {
            if (isOutboxBroken) throw new Error("no event");
            events.push(event);
          },
          deliver: async () => {},
        },
        countInstances: async () => instances,
      });
    });

    const audited = async () =>
      (await listAuditEntries(database.connection, {})).items.map(
        ({ actorId, action, outcome }) => `${actorId} ${action} ${outcome}`,
      );

    describe("register", () => {
      it("stores a definition that comes back the same", async () => {
        const server = await catalog.register(
          {
            ...command,
            title: "Echo",
            tags: ["a"],
            healthCheck: "/up",
            resources: { memory: "1g" },
            metadata: { note: "é 🚢", deep: [1, null] },
            remotes: [
              { type: "sse", url: "https://example.com/sse", headers: [{ name: "X-Key", isSecret: true }] },
            ],
          },
          { actor: alice },
        );
        expect(server).toMatchObject({
          ownerId: "alice",
          title: "Echo",
          resources: { memoryMb: 1024 },
          deletedAt: null,
        });
        expect(await catalog.get(server.id, { actor: alice })).toEqual(server);
        expect(events).toEqual([
          {
            type: "server.registered",
            ownerId: "alice",
            subjectId: server.id,
            data: { serverId: server.id, name: "echo" },
          },
        ]);
        expect(await audited()).toEqual(["alice server.create allowed"]);
      });

      it("leaves what would run on the host pending, unless the caller may approve", async () => {
        const status = async (options: object) => (await catalog.register(command, options)).approval;
        expect(await status({ actor: alice })).toMatchObject({ status: "pending", approvedBy: null });
        expect(await status({ actor: admin })).toMatchObject({ status: "approved", approvedBy: "root" });
        expect(await status({ actor: approver })).toMatchObject({ status: "approved", approvedBy: "carol" });
        expect(await status({})).toMatchObject({ status: "approved", approvedBy: null });
        expect((await catalog.register(image, { actor: alice })).approval.status).toBe("not_required");
      });

      it("gives the host's own definitions an owner", async () => {
        expect((await catalog.register(image)).ownerId).toBe("host");
        expect((await catalog.register(image, { ownerId: "alice" })).ownerId).toBe("alice");
        expect((await catalog.register(image, { ownerId: "alice", actor: admin })).ownerId).toBe("alice");
        expect((await failure(catalog.register(image, { ownerId: "bob", actor: alice }))).code).toBe(
          "FORBIDDEN",
        );
      });

      it("changes nothing when the input is not valid", async () => {
        const error = await failure(
          catalog.register({ ...command, name: "-", extra: 1 } as never, { actor: alice }),
        );
        expect(error).toMatchObject({ code: "INVALID_INPUT" });
        expect(await countServers(database.connection)).toBe(0);
        expect([events, await audited()]).toEqual([[], []]);
      });
    });

    describe("list", () => {
      beforeEach(async () => {
        await catalog.register({ ...image, name: "mine", title: "Überall 100%_x" }, { actor: alice });
        await catalog.register({ ...image, name: "hidden" }, { actor: bob });
        await catalog.register({ ...image, name: "shared", visibility: "public" }, { actor: bob });
      });
      const names = async (query: object, options: object) =>
        (await catalog.list(query, options)).items.map(({ name }) => name);

      it("shows one's own and everybody's public ones, newest first", async () => {
        expect(await names({}, { actor: alice })).toEqual(["shared", "mine"]);
        expect(await names({ ownerId: "alice" }, { actor: alice })).toEqual(["mine"]);
        expect(await names({}, { actor: admin })).toEqual(["shared", "hidden", "mine"]);
        expect(await names({ ownerId: "bob" }, {})).toEqual(["shared", "hidden"]);
        expect((await failure(catalog.list({ ownerId: "bob" }, { actor: alice }))).code).toBe("FORBIDDEN");
      });

      it("searches name, title and description, without case and without wildcards", async () => {
        expect(await names({ search: "SHARE" }, { actor: alice })).toEqual(["shared"]);
        expect(await names({ search: "in a CONTAINER" }, { actor: alice })).toEqual(["shared", "mine"]);
        expect(await names({ search: "100%_X" }, { actor: alice })).toEqual(["mine"]);
        expect(await names({ search: "Überall" }, { actor: alice })).toEqual(["mine"]);
        for (const search of ["%", "_hared", "1%0", "\\", "hidden"]) {
          const expected = search === "%" ? ["mine"] : [];
          expect(await names({ search }, { actor: alice }), search).toEqual(expected);
        }
      });

      it("goes page by page", async () => {
        const first = await catalog.list({ limit: 2 });
        expect(first.items.map(({ name }) => name)).toEqual(["shared", "hidden"]);
        const second = await catalog.list({ limit: 2, cursor: first.nextCursor ?? "" });
        expect(second).toMatchObject({ items: [{ name: "mine" }], nextCursor: null });
      });

      it.each([{ limit: 0 }, { limit: "2" }, { cursor: "x" }, { search: "a\0" }, { page: 1 }])(
        "refuses %j",
        async (query) => expect((await failure(catalog.list(query as never))).code).toBe("INVALID_INPUT"),
      );
    });

    describe("another owner's definition", () => {
      it("answers every operation exactly like an unknown id", async () => {
        const { id } = await catalog.register(command, { actor: alice });
        const unknown = uuidV7();
        const asBob = (serverId: string) => [
          catalog.get(serverId, { actor: bob }),
          catalog.update(serverId, { title: "x" }, { actor: bob }),
          catalog.remove(serverId, { actor: bob }),
          catalog.approve(serverId, { hash: "0".repeat(64) }, { actor: bob }),
        ];
        const bodies = async (serverId: string) =>
          (await Promise.all(asBob(serverId).map(failure))).map(({ code, message, details }) => [
            code,
            message.replace(serverId, "ID"),
            details,
          ]);
        expect(await bodies(id)).toEqual(await bodies(unknown));
        expect((await bodies(id))[0]).toEqual(["NOT_FOUND", 'No server definition with id "ID".', undefined]);
        expect((await catalog.get(id)).title).toBeNull();
      });

      it("may be read but not changed when it is public", async () => {
        const { id } = await catalog.register({ ...image, visibility: "public" }, { actor: alice });
        expect((await catalog.get(id, { actor: bob })).name).toBe("image");
        expect((await failure(catalog.update(id, { title: "x" }, { actor: bob }))).code).toBe("FORBIDDEN");
        expect((await failure(catalog.remove(id, { actor: bob }))).code).toBe("FORBIDDEN");
      });

      it.each(["", "x".repeat(5000), "a\0b", "' or 1=1 --"])("is not found by the id %j", async (id) => {
        expect((await failure(catalog.get(id))).code).toBe("NOT_FOUND");
      });
    });

    describe("update", () => {
      let server: ServerDefinition;
      beforeEach(async () => {
        server = await catalog.register(command, { ownerId: "alice" });
        events = [];
      });
      const other = {
        packages: [{ registryType: "command", command: "node", args: ["/srv/other.js"] }],
      } as const;

      it("changes the members that are given and keeps the rest, the approval included", async () => {
        const changed = await catalog.update(server.id, { title: "New", resources: null }, { actor: alice });
        expect(changed).toEqual({ ...server, title: "New", updatedAt: changed.updatedAt });
        expect(changed.updatedAt > server.updatedAt).toBe(true);
        expect(changed.approval.status).toBe("approved");
        expect(await catalog.get(server.id)).toEqual(changed);
        expect(events.map(({ type }) => type)).toEqual(["server.updated"]);
      });

      it("takes the approval away with any change of what would run", async () => {
        expect((await catalog.update(server.id, other, { actor: alice })).approval).toMatchObject({
          status: "pending",
          approvedBy: null,
          approvedAt: null,
        });
        const back = await catalog.update(server.id, { packages: command.packages ?? [] }, { actor: alice });
        expect(back.approval.status).toBe("pending");
        const row = await database.connection.selectFrom("mcp_servers").selectAll().executeTakeFirstOrThrow();
        expect(row).toMatchObject({ approved_hash: null, approved_by: null, approved_at: null });
      });

      it("keeps it when a caller who may approve makes the change", async () => {
        const changed = await catalog.update(server.id, other, { actor: admin });
        expect(changed.approval).toMatchObject({ status: "approved", approvedBy: "root" });
        expect(changed.approval.hash).not.toBe(server.approval.hash);
      });

      it("lets a trusted caller's change approve nothing that somebody else wrote", async () => {
        await catalog.update(server.id, other, { actor: alice });
        expect((await catalog.update(server.id, { title: "x" }, { actor: admin })).approval.status).toBe(
          "pending",
        );
        const both = [...(command.packages ?? []), ...other.packages];
        expect((await catalog.update(server.id, { packages: both })).approval.status).toBe("pending");
      });

      it("gives the right to change no right to approve", async () => {
        const changed = await catalog.update(server.id, other, { actor: approver });
        expect(changed.approval.status).toBe("pending");
      });

      it("checks what registering checks", async () => {
        const bad = [
          { packages: [{ registryType: "command", command: "npx", args: ["-c", "id"] }] },
          { packages: [] },
          { ownerId: "bob" },
          { approval: { status: "approved" } },
          { id: "other" },
          { createdAt: "now" },
          null,
          "x",
          [],
        ];
        for (const changes of bad) {
          const error = await failure(catalog.update(server.id, changes as never, { actor: alice }));
          expect(error.code, JSON.stringify(changes)).toBe("INVALID_INPUT");
        }
        expect(await catalog.get(server.id)).toEqual(server);
        expect(events).toEqual([]);
      });

      it("loses no change when several are made at once", async () => {
        await Promise.all([
          catalog.update(server.id, { title: "Title" }),
          catalog.update(server.id, { tags: ["tag"] }),
          catalog.update(server.id, { description: "Description" }),
        ]);
        expect(await catalog.get(server.id)).toMatchObject({
          title: "Title",
          tags: ["tag"],
          description: "Description",
        });
      });
    });

    describe("approve", () => {
      let server: ServerDefinition;
      beforeEach(async () => {
        server = await catalog.register(command, { actor: alice });
        events = [];
      });

      it("lets the definition run, for exactly this hash", async () => {
        const approved = await catalog.approve(server.id, { hash: server.approval.hash }, { actor: admin });
        expect(approved.approval).toMatchObject({
          status: "approved",
          approvedBy: "root",
          commands: ['["node","/srv/echo.js"]'],
        });
        expect((await findServer(database.connection, server.id))?.approval).toEqual(approved.approval);
        expect(events).toMatchObject([
          { type: "server.approved", data: { hash: server.approval.hash, approvedBy: "root" } },
        ]);
        expect(await audited()).toContain("root server.approve allowed");
      });

      it("is refused to the owner without that permission, and audited", async () => {
        const error = await failure(
          catalog.approve(server.id, { hash: server.approval.hash }, { actor: alice }),
        );
        expect(error.code).toBe("FORBIDDEN");
        expect((await catalog.get(server.id)).approval.status).toBe("pending");
        expect(await audited()).toContain("alice server.approve denied");
      });

      it("is refused for the hash of what it was before", async () => {
        await catalog.update(
          server.id,
          { packages: [{ registryType: "npm", identifier: "other" }] },
          { actor: alice },
        );
        const error = await failure(catalog.approve(server.id, { hash: server.approval.hash }));
        expect(error.code).toBe("CONFLICT");
        expect((await catalog.get(server.id)).approval.status).toBe("pending");
      });

      it("may be repeated without another event", async () => {
        await catalog.approve(server.id, { hash: server.approval.hash });
        await catalog.approve(server.id, { hash: server.approval.hash }, { actor: admin });
        expect(events).toHaveLength(1);
        expect((await catalog.get(server.id)).approval.approvedBy).toBeNull();
      });

      it.each([{}, { hash: "" }, { hash: "x".repeat(64) }, { hash: 1 }, null])(
        "takes no %j",
        async (approval) => {
          expect((await failure(catalog.approve(server.id, approval as never))).code).toBe("INVALID_INPUT");
        },
      );

      it("does not hold for a row that was changed behind the platform's back", async () => {
        await catalog.approve(server.id, { hash: server.approval.hash });
        const row = await database.connection.selectFrom("mcp_servers").selectAll().executeTakeFirstOrThrow();
        await database.connection
          .updateTable("mcp_servers")
          .set({ definition: row.definition.replace("echo.js", "evil.js") })
          .execute();
        expect((await catalog.get(server.id)).approval.status).toBe("pending");
      });
    });

    describe("remove", () => {
      it("takes a definition out of every list, and keeps its row", async () => {
        const { id } = await catalog.register(image, { actor: alice });
        await catalog.remove(id, { actor: alice });
        expect((await failure(catalog.get(id, { actor: alice }))).code).toBe("NOT_FOUND");
        expect((await failure(catalog.remove(id, { actor: alice }))).code).toBe("NOT_FOUND");
        expect((await catalog.list()).items).toEqual([]);
        const row = await database.connection.selectFrom("mcp_servers").selectAll().executeTakeFirstOrThrow();
        expect(row.deleted_at).not.toBeNull();
        expect(events.map(({ type }) => type)).toEqual(["server.registered", "server.removed"]);
      });

      it("is refused while instances exist", async () => {
        const { id } = await catalog.register(image, { actor: alice });
        instances = 1;
        expect((await failure(catalog.remove(id, { actor: alice }))).code).toBe("CONFLICT");
        expect((await catalog.get(id)).deletedAt).toBeNull();
      });

      it("is refused also when an instance appears after they were counted", async () => {
        const { id } = await catalog.register(image, { actor: alice });
        await database.connection.insertInto("mcp_instances").values(instanceRow(id)).execute();
        expect((await failure(catalog.remove(id))).code).toBe("CONFLICT");
        await database.connection.updateTable("mcp_instances").set({ deleted_at: "2030" }).execute();
        await catalog.remove(id);
        expect(await countServers(database.connection)).toBe(0);
      });
    });

    describe("import", () => {
      const configuration = {
        mcpServers: {
          one: { command: "npx", args: ["-y", "server-one@1.0.0"] },
          two: { url: "https://mcp.example.com/mcp" },
        },
      };

      it("registers all that it names, under the rules of register", async () => {
        const servers = await catalog.import(configuration, { actor: alice });
        expect(servers.map(({ name, ownerId, approval }) => [name, ownerId, approval.status])).toEqual([
          ["one", "alice", "pending"],
          ["two", "alice", "not_required"],
        ]);
        expect((await catalog.import(configuration))[0]?.approval.status).toBe("approved");
        expect(await countServers(database.connection, "alice")).toBe(2);
        expect(events).toHaveLength(4);
      });

      it("registers nothing when one of them is not valid", async () => {
        const bad = {
          mcpServers: { ...configuration.mcpServers, three: { command: "sh", args: ["-c", "id"] } },
        };
        const error = await failure(catalog.import(bad, { actor: alice }));
        expect(error.message).toMatch(/^The server "three" of the import is not valid: packages\.0\.args: /);
        expect(await countServers(database.connection)).toBe(0);
      });

      it("is refused to those who may not register", async () => {
        const nobody = { id: "mallory", roles: [] };
        expect((await failure(catalog.import(configuration, { actor: nobody }))).code).toBe("FORBIDDEN");
        expect(await countServers(database.connection)).toBe(0);
      });
    });

    it("changes nothing when the event cannot be recorded", async () => {
      const server = await catalog.register(command, { actor: alice });
      isOutboxBroken = true;
      const { hash } = server.approval;
      const works = [
        () => catalog.register(image),
        () => catalog.update(server.id, { title: "x" }),
        () => catalog.approve(server.id, { hash }),
        () => catalog.remove(server.id),
      ];
      for (const work of works) await expect(work()).rejects.toThrow("no event");
      expect((await catalog.list()).items).toEqual([server]);
    });

    it("refuses an instance's access token everything but its instance", async () => {
      const { id } = await catalog.register(image, { actor: alice });
      const token = { id: "alice", instanceId: "i-1" };
      expect((await failure(catalog.get(id, { actor: token }))).code).toBe("NOT_FOUND");
      expect((await failure(catalog.list({}, { actor: token }))).code).toBe("FORBIDDEN");
      expect((await failure(catalog.register(image, { actor: token }))).code).toBe("FORBIDDEN");
    });
  });
}

function instanceRow(serverId: string) {
  const now = "2030-01-01T00:00:00.000Z";
  const none = {
    reason: null,
    error: null,
    provider_options: null,
    ttl_seconds: null,
    idle_seconds: null,
    expires_at: null,
    auto_stop_at: null,
    last_activity_at: null,
    last_health_check_at: null,
    next_attempt_at: null,
    started_at: null,
    stopped_at: null,
    deleted_at: null,
    resource_id: null,
    host_id: null,
    claim_owner: null,
    claim_until: null,
    expiring_notified_at: null,
  };
  const numbers = { enabled: 1, health_failures: 0, restart_count: 0, version: 1, generation: 0, fence: 0 };
  const texts = { kind: "server", name: "i", provider: "fake", desired: "running", state: "running" };
  return {
    ...none,
    ...numbers,
    ...texts,
    id: uuidV7(),
    owner_id: "alice",
    server_id: serverId,
    health: "unknown",
    environment: "{}",
    isolation: "shared",
    secret_delivery: "environment",
    restart_on_rotation: 0,
    on_idle: "stop",
    created_at: now,
    updated_at: now,
  };
}
