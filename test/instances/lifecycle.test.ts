import type { PlatformEvent } from "@moorage/core";
import { isPlatformError, PlatformError } from "@moorage/core";
import { proxy } from "@moorage/proxy";
import {
  fixtureDefinition,
  type TestDatabase,
  type TestPlatform,
  testDatabase,
  testPlatform,
} from "@moorage/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { postgresUrl } from "../support/postgres.ts";

const url = postgresUrl();

describe.each([
  { dialect: "SQLite", where: "sqlite", missing: false },
  { dialect: "Postgres", where: url ?? "", missing: url === null },
])("on $dialect", ({ where, missing }) => {
  describe.skipIf(missing)("the life of an instance", () => lifeOfAnInstance(where));
});

function lifeOfAnInstance(where: string): void {
  let database: TestDatabase;
  let house: TestPlatform;
  let seen: PlatformEvent[];
  let serverId: string;

  beforeEach(async () => {
    database = await testDatabase(where);
    house = await openHouse();
    seen = [];
    house.platform.events.onAny((event) => {
      seen.push(event);
    });
    const definition = await house.platform.catalog.register(fixtureDefinition("echo"));
    serverId = definition.id;
  });

  afterEach(async () => {
    await house.close();
    await database.close();
  });

  const openHouse = () => testPlatform({ proxy: proxy(), database: database.open() });

  const launches = () => house.provider.calls.filter(({ method }) => method === "launch").length;
  const types = () => seen.map(({ type }) => type).filter((type) => type.startsWith("instance."));
  const create = (more: object = {}) => house.platform.instances.create({ serverId, ...more });

  /** Fake time moves; this lets what it set off come to its end. */
  async function tick(task: string): Promise<void> {
    await house.platform.tick(task);
  }

  /** A sweep passes over a row that is still held, as right after a crash; the next one takes it. */
  async function reconciledState(id: string): Promise<string> {
    await tick("reconcile");
    return (await house.platform.instances.get(id)).state;
  }

  describe("creating an instance", () => {
    test("runs it, and tells so step by step", async () => {
      const instance = await create({ name: "mine" });
      expect(instance).toMatchObject({
        name: "mine",
        desired: "running",
        state: "running",
        health: "healthy",
      });
      expect(instance).toMatchObject({ generation: 1, reason: null, provider: "fake", ownerId: "host" });
      expect(types()).toEqual(["instance.created", "instance.starting", "instance.running"]);
    });

    test("with enabled false only writes it down", async () => {
      const instance = await create({ enabled: false });
      expect(instance).toMatchObject({ desired: "stopped", state: "stopped" });
      expect(launches()).toBe(0);
    });

    test("without waiting, returns while it starts", async () => {
      const instance = await house.platform.instances.create({ serverId }, { wait: false });
      expect(instance.state).toBe("pending");
      await expect.poll(async () => (await house.platform.instances.get(instance.id)).state).toBe("running");
    });

    test("that cannot be launched says why, and keeps the failed row without trying again", async () => {
      house.provider.failNext("launch", new PlatformError("LAUNCH_FAILED", "no such program"));
      await expect(create()).rejects.toSatisfy((error) => isPlatformError(error, "LAUNCH_FAILED"));
      const [failed] = (await house.platform.instances.list()).items;
      expect(failed).toMatchObject({ state: "failed", reason: "launch_failed", desired: "stopped" });
      expect(failed?.error?.message).toContain("no such program");
      await tick("reconcile");
      expect(launches()).toBe(1);
    });

    test("whose required variables are missing names them all and starts nothing", async () => {
      const needy = await house.platform.catalog.register({
        ...fixtureDefinition("echo"),
        name: "needy",
        packages: [
          {
            registryType: "command",
            command: process.execPath,
            args: ["server.js"],
            environmentVariables: [
              { name: "ONE", isRequired: true },
              { name: "TWO", isRequired: true },
              { name: "THREE" },
            ],
          },
        ],
      });
      const refused = house.platform.instances.create({ serverId: needy.id });
      await expect(refused).rejects.toMatchObject({
        code: "MISSING_VARIABLES",
        details: { missing: ["ONE", "TWO"] },
      });
      expect((await house.platform.instances.list()).items).toEqual([]);
      expect(launches()).toBe(0);
    });

    test("with an unknown member, provider or server is refused before anything is written", async () => {
      await expect(create({ colour: "red" })).rejects.toMatchObject({ code: "INVALID_INPUT" });
      await expect(create({ provider: "moon" })).rejects.toMatchObject({ code: "INVALID_INPUT" });
      await expect(house.platform.instances.create({ serverId: "nope" })).rejects.toMatchObject({
        code: "NOT_FOUND",
      });
      expect((await house.platform.instances.list()).items).toEqual([]);
    });

    test("that runs past the deadline of a start is given up, and what comes late is stopped", async () => {
      house.provider.delay("launch", 90_000);
      const late = create();
      late.catch(() => {});
      await expect.poll(() => launches()).toBe(1);
      await house.clock.advance(60_000);
      await expect(late).rejects.toMatchObject({ code: "START_TIMEOUT" });
      const [failed] = (await house.platform.instances.list()).items;
      expect(failed).toMatchObject({ state: "failed", reason: "launch_failed" });
    });
  });

  describe("a running instance", () => {
    test("stops when asked, keeps its row, and starts again as a new generation", async () => {
      const { id } = await create();
      expect(await house.platform.instances.stop(id)).toMatchObject({
        state: "stopped",
        reason: "requested",
      });
      expect(await house.platform.instances.start(id)).toMatchObject({ state: "running", generation: 2 });
    });

    test("is gone for everybody once it is removed, and its resource is destroyed", async () => {
      const { id } = await create();
      await house.platform.instances.remove(id);
      await expect(house.platform.instances.get(id)).rejects.toMatchObject({ code: "NOT_FOUND" });
      expect(house.provider.calls.some(({ method }) => method === "destroy")).toBe(true);
      expect(types().at(-1)).toBe("instance.deleted");
      const { items } = await house.platform.instances.list({ includeDeleted: true });
      expect(items).toMatchObject([{ id, state: "deleted" }]);
    });

    test("started a hundred times at once is launched once", async () => {
      const { id } = await create({ enabled: false });
      const started = await Promise.all(
        Array.from({ length: 100 }, () => house.platform.instances.start(id)),
      );
      expect(new Set(started.map(({ state }) => state))).toEqual(new Set(["running"]));
      expect(launches()).toBe(1);
    });

    test("opens one usage interval and closes it when it stops", async () => {
      const { id } = await create();
      await house.clock.advance(90_000);
      await house.platform.instances.stop(id);
      const { items } = await house.platform.usage.list();
      expect(items).toMatchObject([{ instanceId: id, generation: 1, durationSeconds: 90 }]);
      expect(items[0]?.endedAt).not.toBeNull();
    });

    test("that crashes is written as crashed and comes back after its pause", async () => {
      const { id } = await create();
      house.provider.crash(id, "Exited with code 3.");
      await expect.poll(async () => (await house.platform.instances.get(id)).reason).toBe("crashed");
      const crashed = await house.platform.instances.get(id);
      expect(crashed).toMatchObject({ state: "failed", desired: "running", restartCount: 1 });
      expect(crashed.error?.message).toContain("code 3");
      await house.clock.advance(1_000);
      await expect.poll(() => reconciledState(id)).toBe("running");
      expect(await house.platform.instances.get(id)).toMatchObject({ state: "running", generation: 2 });
    });

    test("that crashes again and again is given up after five times", async () => {
      const { id } = await create();
      for (let crash = 1; crash <= 6; crash++) {
        house.provider.crash(id);
        await expect.poll(async () => (await house.platform.instances.get(id)).state).toBe("failed");
        await house.clock.advance(60_000 - 1);
        if (crash < 6) await expect.poll(() => reconciledState(id)).toBe("running");
      }
      expect(await house.platform.instances.get(id)).toMatchObject({
        state: "failed",
        desired: "stopped",
        reason: "crash_loop",
      });
      expect(launches()).toBe(6);
    });
  });

  describe("time", () => {
    test("to live ends: the instance expires, and can be restored with its time anew", async () => {
      const { id } = await create({ ttlSeconds: 600 });
      await house.clock.advance(599_000);
      await tick("expire");
      expect((await house.platform.instances.get(id)).state).toBe("running");
      await house.clock.advance(2_000);
      await tick("expire");
      expect(await house.platform.instances.get(id)).toMatchObject({ state: "stopped", reason: "expired" });
      const restored = await house.platform.instances.restore(id);
      expect(restored.state).toBe("running");
      expect(Date.parse(restored.expiresAt ?? "")).toBe(house.clock.now() + 600_000);
    });

    test("running out is announced once, five minutes ahead", async () => {
      await create({ ttlSeconds: 600 });
      await house.clock.advance(200_000);
      await tick("expiring");
      expect(types()).not.toContain("instance.expiring");
      await house.clock.advance(101_000);
      await tick("expiring");
      await tick("expiring");
      expect(types().filter((type) => type === "instance.expiring")).toHaveLength(1);
    });

    test("running out for want of use is announced at half of a short idle time, and not while it is used", async () => {
      const { id } = await create({ idleSeconds: 60 });
      await tick("expiring");
      expect(types()).not.toContain("instance.expiring");
      await house.clock.advance(31_000);
      await house.platform.instances.touch(id);
      await tick("expiring");
      expect(types()).not.toContain("instance.expiring");
      await house.clock.advance(31_000);
      await tick("expiring");
      await tick("expiring");
      expect(types().filter((type) => type === "instance.expiring")).toHaveLength(1);
    });

    test("of the last use never goes back, and a use is written within seconds", async () => {
      const { id } = await create({ idleSeconds: 600 });
      await house.platform.tools.call(id, { name: "echo", arguments: { message: "one" } });
      await house.clock.advance(1_000);
      await house.platform.instances.touch(id);
      const touched = (await house.platform.instances.get(id)).lastActivityAt;
      await house.clock.advance(5_000);
      expect((await house.platform.instances.get(id)).lastActivityAt).toBe(touched);
      await house.platform.tools.call(id, { name: "echo", arguments: { message: "two" } });
      const usedAt = new Date(house.clock.now()).toISOString();
      await house.clock.advance(5_000);
      await expect.poll(async () => (await house.platform.instances.get(id)).lastActivityAt).toBe(usedAt);
    });

    test("without use stops an instance, and its next call wakes it, once for a hundred callers", async () => {
      const { id } = await create({ idleSeconds: 60 });
      await house.clock.advance(61_000);
      await tick("idle");
      expect(await house.platform.instances.get(id)).toMatchObject({ state: "stopped", reason: "idle" });
      const calls = Array.from({ length: 100 }, (_, index) =>
        house.platform.tools.call(id, { name: "echo", arguments: { message: `call ${index}` } }),
      );
      const answers = await Promise.all(calls);
      expect(answers.every(({ status }) => status === "success")).toBe(true);
      expect(launches()).toBe(2);
    });

    test("without use destroys an instance that asked for that", async () => {
      const { id } = await create({ idleSeconds: 60, onIdle: "destroy" });
      await house.clock.advance(61_000);
      await tick("idle");
      await expect(house.platform.instances.get(id)).rejects.toMatchObject({ code: "NOT_FOUND" });
    });

    test("starts anew with every use", async () => {
      const { id } = await create({ idleSeconds: 60 });
      await house.clock.advance(50_000);
      await house.platform.tools.call(id, { name: "echo", arguments: { message: "still here" } });
      await house.clock.advance(50_000);
      await tick("idle");
      expect((await house.platform.instances.get(id)).state).toBe("running");
      await house.platform.instances.touch(id);
      await house.clock.advance(59_000);
      await tick("idle");
      expect((await house.platform.instances.get(id)).state).toBe("running");
    });

    test("a stop that somebody asked for is not undone by a call", async () => {
      const { id } = await create();
      await house.platform.instances.stop(id);
      const call = house.platform.tools.call(id, { name: "echo", arguments: { message: "hello" } });
      await expect(call).rejects.toMatchObject({ code: "INSTANCE_NOT_RUNNING" });
      await expect(house.platform.instances.restore(id)).rejects.toMatchObject({ code: "CONFLICT" });
    });
  });

  describe("a host", () => {
    test("that closes stops what it ran, and the next one starts it again", async () => {
      const { id } = await create();
      await house.close();
      expect(house.provider.calls.filter(({ method }) => method === "stop")).toHaveLength(1);
      house = await openHouse();
      expect(await house.platform.instances.get(id)).toMatchObject({ state: "running", generation: 2 });
    });

    test("that is closed refuses work with a typed error", async () => {
      await house.platform.close();
      await expect(house.platform.start()).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
    });

    test("whose listener throws goes on", async () => {
      house.platform.events.on("instance.running", () => {
        throw new Error("a bug of the host's");
      });
      const after: string[] = [];
      house.platform.events.on("instance.running", ({ data }) => {
        after.push(data.instanceId);
      });
      const { id } = await create();
      expect(after).toEqual([id]);
    });
  });
}
