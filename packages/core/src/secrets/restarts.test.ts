import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../clock.ts";
import { PlatformError } from "../errors.ts";
import { INSTANCE } from "../http/test-rows.ts";
import type { Instance } from "../instances/instance.ts";
import { silentLogger } from "../logger.ts";
import type { Database } from "../store/database.ts";
import { findInstance, insertInstance, updateInstance } from "../store/instances.ts";
import { type TestDatabase, testDialects } from "../store/test-databases.ts";
import { RotationRestarts } from "./restarts.ts";

let files: TestDatabase;
let database: Database;
const warn = vi.fn();

beforeEach(async () => {
  const sqlite = testDialects(null)[0];
  if (!sqlite) throw new Error("SQLite is always there.");
  files = await sqlite.make();
  database = await files.openMigrated();
  warn.mockReset();
});
afterEach(() => files.close());

async function insert(overrides: Partial<Instance> = {}): Promise<Instance> {
  const instance = { ...INSTANCE, ...overrides };
  await insertInstance(database.connection, instance);
  return instance;
}

const read = async (id = INSTANCE.id) => (await findInstance(database.connection, id)) ?? INSTANCE;

type Reconcile = (instanceId: string) => Promise<Instance>;

function make(reconcile: Reconcile = async (id) => read(id)) {
  const spy = vi.fn(reconcile);
  const runtime = { database, clock: systemClock, logger: { ...silentLogger, warn } };
  const relaunch = async (id: string, mark: () => Promise<unknown>) => {
    await mark();
    return spy(id);
  };
  return {
    restarts: new RotationRestarts({ runtime, reconciler: { reconcile: spy, relaunch } }),
    reconcile: spy,
  };
}

describe("a restart after a rotation", () => {
  it("leaves the row stopping with running desired, and lets it be reconciled", async () => {
    const seen = await insert();
    const { restarts, reconcile } = make();
    restarts.add([seen]);
    await expect.poll(() => reconcile.mock.calls).toEqual([[seen.id]]);
    expect(await read()).toMatchObject({ state: "stopping", desired: "running", version: seen.version + 1 });
  });

  it.each([
    ["ended and began anew", { generation: 3 }],
    ["was stopped", { state: "stopped" }],
    ["is to be stopped", { desired: "stopped" }],
    ["failed", { state: "failed" }],
  ] as const)("leaves a run alone that %s since", async (_, since) => {
    const seen = await insert();
    const changed = await updateInstance(database.connection, seen, since);
    const { restarts, reconcile } = make();
    restarts.add([seen, await insert({ id: "other" })]);
    await expect.poll(() => reconcile.mock.calls).toEqual([["other"]]);
    expect(await read()).toEqual(changed);
  });

  it("waits for a start under way, and restarts what came of it", async () => {
    const seen = await insert({ state: "starting" });
    const { restarts, reconcile } = make(async (id) => {
      const found = await read(id);
      if (found.state === "starting") await updateInstance(database.connection, found, { state: "running" });
      return read(id);
    });
    restarts.add([seen]);
    await expect.poll(() => reconcile.mock.calls.length).toBe(2);
    expect((await read()).state).toBe("stopping");
  });

  it("runs beside at most three others, and each of them is done", async () => {
    let active = 0;
    let most = 0;
    const { restarts, reconcile } = make(async (id) => {
      most = Math.max(most, ++active);
      await new Promise((resolve) => setTimeout(resolve, 10));
      active -= 1;
      return read(id);
    });
    const ids = Array.from({ length: 9 }, (_, index) => `instance-${index}`);
    for (const id of ids) restarts.add([await insert({ id })]);
    await expect.poll(() => reconcile.mock.calls.flat().sort()).toEqual(ids);
    await expect.poll(() => active).toBe(0);
    expect(most).toBeLessThanOrEqual(4);
    restarts.add([await insert({ id: "late" })]);
    await expect.poll(() => reconcile.mock.calls.flat()).toContain("late");
  });

  it("that fails is logged, and keeps nobody else waiting", async () => {
    const failure = new PlatformError("LAUNCH_FAILED", "no room");
    const { restarts, reconcile } = make((id) => (id === INSTANCE.id ? Promise.reject(failure) : read(id)));
    const ids = ["a", "b", "c", "d", "e"];
    const others = await Promise.all(ids.map((id) => insert({ id })));
    restarts.add([await insert(), ...others]);
    await expect.poll(() => reconcile.mock.calls.flat().sort()).toEqual([...ids, INSTANCE.id]);
    expect(warn.mock.calls).toEqual([[{ error: failure, instanceId: INSTANCE.id }, expect.any(String)]]);
  });

  it("is nothing to warn of where the platform closes meanwhile", async () => {
    const { restarts, reconcile } = make(() => Promise.reject(new PlatformError("SHUTTING_DOWN", "bye")));
    restarts.add([await insert()]);
    await expect.poll(() => reconcile.mock.calls.length).toBe(1);
    expect(warn).not.toHaveBeenCalled();
  });
});
