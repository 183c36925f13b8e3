import { PlatformError } from "@moorage/core";
import { proxy } from "@moorage/proxy";
import {
  type FakeProvider,
  fakeClock,
  fakeProvider,
  fixtureDefinition,
  type TestPlatform,
  testPlatform,
} from "@moorage/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

/** The default of `healthIntervalMs`. */
const PROBE_MS = 30_000;

let house: TestPlatform;
let provider: FakeProvider;
let serverId: string;

beforeEach(async () => {
  const clock = fakeClock();
  // Five millionths of a dollar for each second.
  provider = fakeProvider({ clock, price: 5_000n });
  house = await testPlatform({ proxy: proxy(), clock, provider, limits: { instancesPerOwner: 2 } });
  serverId = (await house.platform.catalog.register(fixtureDefinition("echo"))).id;
});

afterEach(() => house.close());

const create = (more: object = {}) => house.platform.instances.create({ serverId, ...more });
const read = (id: string) => house.platform.instances.get(id);

async function probeAgain(): Promise<void> {
  await house.clock.advance(PROBE_MS);
  await house.platform.tick("health");
}

describe("the health of an instance", () => {
  it("is asked for every 30 seconds, and the row tells when", async () => {
    const { id } = await create();
    await probeAgain();
    const first = await read(id);
    expect(first).toMatchObject({ state: "running", health: "healthy", healthFailures: 0 });
    expect(Date.parse(first.lastHealthCheckAt ?? "")).toBe(house.clock.now());
    await house.clock.advance(PROBE_MS - 1_000);
    await house.platform.tick("health");
    expect((await read(id)).lastHealthCheckAt).toBe(first.lastHealthCheckAt);
  });

  it("is unhealthy after three probes without an answer and healthy after one with it, told by an event each", async () => {
    const { id } = await create();
    const told: unknown[] = [];
    house.platform.events.on("instance.health", ({ data }) => {
      told.push([data.instanceId, data.health]);
    });
    provider.disconnect(id);
    for (const expected of ["healthy", "healthy", "unhealthy"]) {
      await probeAgain();
      expect(await read(id)).toMatchObject({ state: "running", health: expected });
    }
    expect(told).toEqual([[id, "unhealthy"]]);
    await house.platform.tools.call(id, { name: "echo", arguments: { message: "hello" } });
    await probeAgain();
    expect(await read(id)).toMatchObject({ health: "healthy", healthFailures: 0 });
    expect(told).toEqual([
      [id, "unhealthy"],
      [id, "healthy"],
    ]);
  });

  it("is asked of every instance, and one that is gone is found and does not keep the others waiting", async () => {
    const [gone, well] = [await create(), await create()];
    provider.orphan(gone.id);
    await probeAgain();
    expect((await read(gone.id)).state).not.toBe("running");
    expect(await read(well.id)).toMatchObject({ state: "running", health: "healthy" });
  });
});

describe("a sweep", () => {
  it("ends what has expired although another instance cannot be stopped", async () => {
    const instances = [await create({ ttlSeconds: 60 }), await create({ ttlSeconds: 60 })];
    provider.failNext("stop", new PlatformError("UPSTREAM_FAILED", "the machine does not answer"));
    await house.clock.advance(61_000);
    await house.platform.tick("expire");
    const after = await Promise.all(instances.map(({ id }) => read(id)));
    expect(after.map(({ reason }) => reason)).toEqual(["expired", "expired"]);
    const stopped = after.filter(({ state }) => state === "stopped");
    expect(stopped.map(({ stoppedAt }) => Date.parse(stoppedAt ?? ""))).toEqual([house.clock.now()]);
  });
});

describe("an owner", () => {
  const actor = { id: "alice" };

  beforeEach(async () => {
    serverId = (
      await house.platform.catalog.register(
        fixtureDefinition("echo", { visibility: "public", name: "shared" }),
      )
    ).id;
  });

  it("has as many instances as the limit says, and one more when one is removed", async () => {
    const create = () => house.platform.instances.create({ serverId }, { actor });
    const [first] = [await create(), await create()];
    const refused = { code: "LIMIT_EXCEEDED", details: { limit: "instancesPerOwner", maximum: 2 } };
    await expect(create()).rejects.toMatchObject(refused);
    await house.platform.instances.remove(first.id, { actor });
    await expect(create()).resolves.toMatchObject({ state: "running" });
  });

  it("is charged the provider's price for the seconds in which an instance ran", async () => {
    const { id } = await house.platform.instances.create({ serverId }, { actor });
    await house.clock.advance(3_600_000);
    await house.platform.instances.stop(id, { actor });
    await house.clock.advance(3_600_000);
    const { items } = await house.platform.usage.list({}, { actor });
    expect(items).toMatchObject([{ ownerId: "alice", durationSeconds: 3_600, costNanoDollars: "18000000" }]);
    expect(await house.platform.usage.costs({ days: 30 }, { actor })).toEqual({
      ownerId: "alice",
      periodDays: 30,
      usageCount: 1,
      totalSeconds: 3_600,
      totalCostCents: 2,
      totalCostDollars: expect.stringMatching(/^0\.018/),
    });
  });
});
