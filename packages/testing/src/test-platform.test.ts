import { isPlatformError, type SchedulerPart, systemClock } from "@moorage/core";
import { afterEach, describe, expect, it } from "vitest";
import { fakeProvider } from "./fake-provider.ts";
import { fixtureDefinition } from "./fixtures.ts";
import { testDatabase } from "./test-database.ts";
import { bearerName, testPlatform } from "./test-platform.ts";

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Keeps what has to be closed when the test is over. */
function kept<Closable extends { close(): Promise<void> }>(made: Closable): Closable {
  cleanups.push(() => made.close());
  return made;
}

describe("testPlatform", () => {
  it("is migrated and started, and runs instances on the fake provider", async () => {
    const { platform, provider } = kept(await testPlatform());
    const server = await platform.catalog.register(fixtureDefinition("echo"), { ownerId: "alice" });
    const created = await platform.instances.create({ serverId: server.id, ownerId: "alice" });
    expect(created).toMatchObject({ state: "running", provider: "fake" });
    expect(await provider.list()).toMatchObject([{ instanceId: created.id, state: "running" }]);
  });

  it("lives by its clock", async () => {
    const { platform, clock } = kept(await testPlatform());
    clock.set("2030-06-01T00:00:00.000Z");
    const server = await platform.catalog.register(fixtureDefinition("echo"), { ownerId: "alice" });
    expect(server.createdAt).toBe("2030-06-01T00:00:00.000Z");
  });

  it("has an empty database of its own", async () => {
    const [one, other] = [kept(await testPlatform()), kept(await testPlatform())];
    await one.platform.catalog.register(fixtureDefinition("echo"), { ownerId: "alice" });
    expect((await one.platform.catalog.list()).items).toHaveLength(1);
    expect((await other.platform.catalog.list()).items).toEqual([]);
  });

  it("knows the actor by the bearer's name over HTTP", async () => {
    const { platform } = kept(await testPlatform());
    const url = "http://localhost/moorage/instances";
    const anonymous = await platform.handler(new Request(url));
    expect(anonymous.status).toBe(401);
    const known = await platform.handler(new Request(url, { headers: { authorization: "Bearer alice" } }));
    expect(known.status).toBe(200);
  });

  it("takes other options, a second provider and the system's clock", async () => {
    const provider = fakeProvider();
    const { platform, clock } = kept(
      await testPlatform({
        provider,
        providers: { other: fakeProvider() },
        clock: systemClock,
        limits: { instancesPerOwner: 1 },
      }),
    );
    expect(clock).toBe(systemClock);
    expect([...platform.providers].sort()).toEqual(["fake", "other"]);
    const actor = { id: "alice" };
    const { id: serverId } = await platform.catalog.register(fixtureDefinition("echo"), { actor });
    await platform.instances.create({ serverId }, { actor });
    const second = platform.instances.create({ serverId, provider: "other" }, { actor });
    await expect(second).rejects.toSatisfy((error) => isPlatformError(error, "LIMIT_EXCEEDED"));
    expect(await provider.list()).toHaveLength(1);
  });

  it("finds its rows again when it is made a second time on the same database", async () => {
    const database = kept(await testDatabase());
    const provider = fakeProvider({ locality: "shared" });
    const first = await testPlatform({ database: database.open(), provider });
    await first.platform.catalog.register(fixtureDefinition("echo"), { ownerId: "alice" });
    await first.close();
    const second = kept(await testPlatform({ database: database.open(), provider }));
    expect((await second.platform.catalog.list()).items).toHaveLength(1);
  });

  it("rejects with what went wrong at the start", async () => {
    const scheduler: SchedulerPart = {
      name: "scheduler",
      create: () => ({
        add() {},
        start: () => Promise.reject(new Error("no time")),
        tick: async () => {},
        close: async () => {},
      }),
    };
    await expect(testPlatform({ scheduler })).rejects.toThrow("no time");
    const { platform } = kept(await testPlatform({ scheduler, start: false }));
    expect((await platform.catalog.list()).items).toEqual([]);
  });
});

describe("bearerName", () => {
  it("is nobody without a bearer token, and an administrator for admin", () => {
    const from = (authorization?: string) =>
      bearerName(new Request("http://localhost/", authorization ? { headers: { authorization } } : {}));
    expect(from()).toBeNull();
    expect(from("Basic YWxpY2U6eA==")).toBeNull();
    expect(from("Bearer alice")).toEqual({ id: "alice" });
    expect(from("Bearer admin")).toEqual({ id: "admin", roles: ["admin"] });
  });
});
