import { randomUUID } from "node:crypto";
import { setTimeout as pause, setImmediate as turn } from "node:timers/promises";
import {
  type Clock,
  coreMigrations,
  createLeaseStore,
  type Database,
  isoTime,
  type LeaseStore,
  migrateDatabase,
  openDatabase,
  type PartContext,
  type ScheduledTask,
  type Scheduler,
  silentLogger,
  systemClock,
  uuidV7,
} from "@moorage/core";
import { postgres } from "@moorage/core/postgres";
import { sqlite } from "@moorage/core/sqlite";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import type { SchedulerOptions } from "./options.ts";
import { scheduler } from "./scheduler.ts";

const START = Date.parse("2026-03-01T10:00:00.000Z");

/** Time that moves when it is told to, and lets everything that a timer sets off settle before it goes on. */
function manualClock(isBusy: () => boolean) {
  let now = START;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  async function settle() {
    for (let quiet = 0; quiet < 3; quiet = isBusy() ? 0 : quiet + 1) await turn();
  }

  return {
    now: () => now,
    setTimer(callback: () => void, delayMs: number) {
      const timer = { at: now + delayMs, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    settle,
    async advance(milliseconds: number) {
      const until = now + milliseconds;
      await settle();
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (!next) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.callback();
        await settle();
      }
      now = until;
    },
    /** The time of day changes and no timer has noticed yet. */
    jump(milliseconds: number) {
      now += milliseconds;
    },
    get waiting() {
      return timers.size;
    },
  };
}

/** Several replicas on one database, all on one clock. */
interface Fleet {
  readonly clock: ReturnType<typeof manualClock>;
  readonly database: Database;
  readonly logged: { readonly level: string; readonly details: object; readonly message: string }[];
  readonly calls: { acquire: number; release: number };
  replica(options?: SchedulerOptions, changes?: Partial<PartContext>): Scheduler;
  leases(owner: string): LeaseStore;
}

async function fleetOnSqlite(): Promise<Fleet> {
  let busy = 0;
  const clock = manualClock(() => busy > 0);
  const database = openDatabase(sqlite(":memory:"), { clock });
  await migrateDatabase(database, coreMigrations);
  const counted = async <Result>(work: () => Promise<Result>) => {
    busy += 1;
    try {
      return await work();
    } finally {
      busy -= 1;
    }
  };
  const fleet: Fleet = {
    clock,
    database,
    logged: [],
    calls: { acquire: 0, release: 0 },
    leases(owner) {
      const leases = createLeaseStore(database, { owner });
      return {
        acquire(name, ttlMs) {
          fleet.calls.acquire += 1;
          return counted(() => leases.acquire(name, ttlMs));
        },
        release(name) {
          fleet.calls.release += 1;
          return counted(() => leases.release(name));
        },
      };
    },
    replica: (options, changes = {}) =>
      scheduler(options).create({ ...contextFor(fleet), leases: fleet.leases(randomUUID()), ...changes }),
  };
  return fleet;
}

function contextFor({
  clock,
  database,
  logged,
}: Pick<Fleet, "database" | "logged"> & { readonly clock: Clock }) {
  const log = (level: string) => (details: object, message: string) =>
    void logged.push({ level, details, message });
  return {
    database,
    clock,
    ids: uuidV7,
    logger: { ...silentLogger, warn: log("warn"), error: log("error") },
    events: { record: async () => {}, deliver: async () => {} },
    audit: { record: async () => {} },
    hostId: "host",
  };
}

/** A task that notes when it ran, and what else the test wants of it. */
function noting(clock: Clock, task: Partial<ScheduledTask> = {}) {
  const runs: number[] = [];
  const noted: ScheduledTask = {
    name: "sweep",
    every: 1_000,
    ...task,
    async run(context) {
      runs.push(clock.now() - START);
      await task.run?.(context);
    },
  };
  return { runs, task: noted };
}

/** Work that goes on until the test, or its signal, ends it. */
function lasting() {
  let finish = () => {};
  const signals: AbortSignal[] = [];
  return {
    signals,
    finish: () => finish(),
    run: ({ signal }: { readonly signal: AbortSignal }) =>
      new Promise<void>((resolve, reject) => {
        signals.push(signal);
        finish = resolve;
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  };
}

const gaps = (times: readonly number[]) => times.slice(1).map((time, at) => time - (times[at] ?? 0));

let fleet: Fleet;
beforeEach(async () => {
  fleet = await fleetOnSqlite();
});
afterEach(() => fleet.database.close());

describe("timers", () => {
  it("run a task once per interval, spread by the jitter", async () => {
    const { runs, task } = noting(fleet.clock);
    const one = fleet.replica();
    one.add(task);
    await fleet.clock.advance(5_000);
    expect(runs).toEqual([]);
    await one.start();
    await fleet.clock.advance(100_000);
    expect(runs.length).toBeGreaterThan(90);
    expect(runs.length).toBeLessThan(112);
    expect(Math.min(...gaps(runs))).toBeGreaterThanOrEqual(900);
    expect(Math.max(...gaps(runs))).toBeLessThanOrEqual(1_100);
    expect(new Set(gaps(runs)).size).toBeGreaterThan(10);
  });

  it("run exactly on time without jitter, and also for a task that is added later", async () => {
    const { runs, task } = noting(fleet.clock);
    const one = fleet.replica({ jitter: 0 });
    const later = noting(fleet.clock, { name: "later" });
    one.add(task);
    await one.start();
    await one.start();
    await fleet.clock.advance(500);
    one.add(later.task);
    await fleet.clock.advance(2_500);
    expect(runs).toEqual([1_000, 2_000, 3_000]);
    expect(later.runs).toEqual([1_500, 2_500]);
  });

  it("run a long interval for the first time within a minute, so that restarts do not put it off", async () => {
    const { runs, task } = noting(fleet.clock, { every: 86_400_000 });
    const one = fleet.replica({ jitter: 0 });
    one.add(task);
    await one.start();
    await fleet.clock.advance(60_000);
    expect(runs).toEqual([60_000]);
    await fleet.clock.advance(86_400_000);
    expect(runs).toEqual([60_000, 86_460_000]);
  });

  it("run a cron line at its times, in one replica", async () => {
    const { runs, task } = noting(fleet.clock, { every: "*/15 * * * *" });
    for (const replica of [fleet.replica(), fleet.replica(), fleet.replica()]) {
      replica.add(task);
      await replica.start();
    }
    await fleet.clock.advance(3_600_000);
    expect(runs).toEqual([900_000, 1_800_000, 2_700_000, 3_600_000]);
  });

  it.each([
    ["an interval", 1_000],
    ["a cron line", "* * * * * *"],
  ])("make up for a long sleep with one run: %s", async (_, every) => {
    const { runs, task } = noting(fleet.clock, { every });
    const one = fleet.replica({ jitter: 0 });
    one.add(task);
    await one.start();
    await fleet.clock.advance(2_000);
    fleet.clock.jump(50_000);
    await fleet.clock.advance(2_000);
    expect(runs).toEqual([1_000, 2_000, 52_000, 53_000, 54_000]);
  });

  it("do not run a task beside itself when it takes longer than its interval", async () => {
    const work = lasting();
    const { runs, task } = noting(fleet.clock, { run: work.run });
    const one = fleet.replica({ jitter: 0 });
    one.add(task);
    await one.start();
    await fleet.clock.advance(4_500);
    expect(runs).toEqual([1_000]);
    expect(fleet.calls.acquire).toBe(2);
    work.finish();
    await fleet.clock.advance(1_000);
    expect(runs).toEqual([1_000, 5_000]);
  });

  it("go on after a task has failed, which is logged and counted", async () => {
    let isBroken = true;
    const { runs, task } = noting(fleet.clock, {
      async run() {
        if (isBroken) throw new Error("no luck");
      },
    });
    const one = fleet.replica({ jitter: 0 });
    one.add(task);
    await one.start();
    await fleet.clock.advance(2_000);
    isBroken = false;
    await fleet.clock.advance(1_000);
    isBroken = true;
    await fleet.clock.advance(1_000);
    expect(runs).toHaveLength(4);
    expect(fleet.logged.map(({ details }) => details)).toEqual(
      [1, 2, 1].map((failures) => ({ task: "sweep", failures, error: new Error("no luck") })),
    );
  });

  it("survive a task that throws at once, and a logger that throws", async () => {
    const run = () => {
      throw new Error("at once");
    };
    const { runs, task } = noting(fleet.clock, { run });
    const logger = { ...silentLogger, error: run };
    const one = fleet.replica({ jitter: 0 }, { logger });
    one.add(task);
    await one.start();
    await fleet.clock.advance(3_000);
    expect(runs).toHaveLength(3);
  });

  it("go on after the database was away", async () => {
    const { runs, task } = noting(fleet.clock);
    const leases = fleet.leases("a");
    let isAway = true;
    const acquire: LeaseStore["acquire"] = (...given) =>
      isAway ? Promise.reject(new Error("gone")) : leases.acquire(...given);
    const one = fleet.replica({ jitter: 0 }, { leases: { ...leases, acquire } });
    one.add(task);
    await one.start();
    await fleet.clock.advance(2_000);
    expect(runs).toEqual([]);
    expect(fleet.logged.map(({ level }) => level)).toEqual(["warn", "warn"]);
    isAway = false;
    await fleet.clock.advance(1_000);
    expect(runs).toEqual([3_000]);
  });

  it("are not set for a host that drives the tasks itself", async () => {
    const { runs, task } = noting(fleet.clock);
    const one = fleet.replica({ timers: false });
    one.add(task);
    await one.start();
    await fleet.clock.advance(10_000);
    expect(fleet.clock.waiting).toBe(0);
    await one.tick();
    expect(runs).toEqual([10_000]);
  });
});

describe("several replicas", () => {
  it("run each interval once between them", async () => {
    const { runs, task } = noting(fleet.clock);
    for (let replica = 0; replica < 5; replica += 1) {
      const one = fleet.replica();
      one.add(task);
      await one.start();
      await fleet.clock.advance(130);
    }
    await fleet.clock.advance(100_000);
    expect(Math.min(...gaps(runs))).toBeGreaterThanOrEqual(900);
    expect(Math.max(...gaps(runs))).toBeLessThanOrEqual(1_100);
  });

  it("each run what is to run everywhere, and ask the database nothing for it", async () => {
    const { runs, task } = noting(fleet.clock, { everywhere: true });
    for (const replica of [fleet.replica({ jitter: 0 }), fleet.replica({ jitter: 0 })]) {
      replica.add(task);
      await replica.start();
      await replica.tick();
    }
    await fleet.clock.advance(2_000);
    expect(runs).toEqual([0, 0, 1_000, 1_000, 2_000, 2_000]);
    expect(fleet.calls).toEqual({ acquire: 0, release: 0 });
  });

  it("go on when the one that ran the task is gone without a word", async () => {
    const { runs, task } = noting(fleet.clock);
    const frozen: Clock = { now: fleet.clock.now, setTimer: () => () => {} };
    const gone = fleet.replica({ jitter: 0 }, { clock: frozen });
    gone.add({ ...task, run: lasting().run });
    void gone.tick();
    await fleet.clock.settle();
    const heir = fleet.replica({ jitter: 0, leaseMs: 3_000 });
    heir.add(task);
    await heir.start();
    await fleet.clock.advance(14_999);
    expect(runs).toEqual([]);
    await fleet.clock.advance(2_000);
    expect(runs).toEqual([15_000, 16_000]);
  });

  it("leave a task alone for as long as another runs it, however long that is", async () => {
    const work = lasting();
    const long = noting(fleet.clock, { run: work.run });
    const other = noting(fleet.clock);
    const [one, two] = [fleet.replica({ jitter: 0 }), fleet.replica({ jitter: 0 })];
    one.add(long.task);
    two.add(other.task);
    const running = one.tick();
    await two.start();
    await fleet.clock.advance(120_000);
    await two.tick();
    expect(other.runs).toEqual([]);
    work.finish();
    await running;
    await two.tick();
    expect(other.runs).toEqual([120_000]);
    expect(long.runs).toEqual([0]);
  });

  it("tell a run that its lease is lost", async () => {
    const work = lasting();
    const one = fleet.replica();
    one.add(noting(fleet.clock, { run: work.run }).task);
    const running = one.tick();
    await fleet.clock.advance(1_000);
    await fleet.database.connection
      .updateTable("mcp_leases")
      .set({ owner: "thief", expires_at: isoTime(START + 60_000) })
      .execute();
    await fleet.clock.advance(5_000);
    await running;
    expect(work.signals[0]?.reason).toMatchObject({ code: "CONFLICT" });
    expect(await fleet.leases("thief").acquire("task:sweep", 1)).toBe(1);
    expect(fleet.logged).toMatchObject([{ level: "error", details: { failures: 1 } }]);
  });

  it("tell a run whose lease was held by another in between, although it has it again", async () => {
    const work = lasting();
    const one = fleet.replica();
    one.add(noting(fleet.clock, { run: work.run }).task);
    const running = one.tick();
    await fleet.clock.settle();
    fleet.clock.jump(20_000);
    expect(await fleet.leases("thief").acquire("task:sweep", 10)).toBe(2);
    fleet.clock.jump(20);
    await fleet.clock.advance(0);
    await running;
    expect(work.signals[0]?.aborted).toBe(true);
  });

  it("are not kept out by a renewal that was on its way when the run ended", async () => {
    const work = lasting();
    const leases = fleet.leases("a");
    let isSlow = false;
    const acquire: LeaseStore["acquire"] = async (...given) => {
      if (isSlow) await new Promise((resolve) => fleet.clock.setTimer(() => resolve(null), 500));
      return leases.acquire(...given);
    };
    const one = fleet.replica({}, { leases: { ...leases, acquire } });
    one.add(noting(fleet.clock, { run: work.run }).task);
    const running = one.tick();
    await fleet.clock.settle();
    isSlow = true;
    await fleet.clock.advance(5_000);
    work.finish();
    await fleet.clock.advance(500);
    await running;
    expect(await fleet.leases("b").acquire("task:sweep", 1_000)).not.toBeNull();
  });

  it("end a run that could not renew its lease for as long as it lasts", async () => {
    const work = lasting();
    const leases = fleet.leases("a");
    let isAway = false;
    const acquire: LeaseStore["acquire"] = (...given) =>
      isAway ? Promise.reject(new Error("gone")) : leases.acquire(...given);
    const one = fleet.replica({}, { leases: { ...leases, acquire } });
    one.add(noting(fleet.clock, { run: work.run }).task);
    const running = one.tick();
    await fleet.clock.settle();
    isAway = true;
    await fleet.clock.advance(10_000);
    expect(work.signals[0]?.aborted).toBe(false);
    await fleet.clock.advance(5_000);
    await running;
    expect(work.signals[0]?.aborted).toBe(true);
  });
});

describe("tick()", () => {
  it("runs one task, or all in the order they were added", async () => {
    const order: string[] = [];
    const one = fleet.replica();
    for (const name of ["b", "a", "c"]) {
      one.add({ name, every: 1_000, run: async () => void order.push(name) });
    }
    await one.tick("a");
    await one.tick();
    expect(order).toEqual(["a", "b", "a", "c"]);
  });

  it("runs the other tasks although one fails", async () => {
    const { runs, task } = noting(fleet.clock);
    const one = fleet.replica();
    one.add({ name: "broken", every: 1_000, run: () => Promise.reject(new Error("no luck")) });
    one.add(task);
    await one.tick();
    expect(runs).toHaveLength(1);
    expect(fleet.logged).toMatchObject([{ level: "error", details: { task: "broken", failures: 1 } }]);
  });

  it("refuses a name that it does not know", async () => {
    await expect(fleet.replica().tick("nope")).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: 'No scheduled task with name "nope".',
    });
  });

  it("joins the run that goes on", async () => {
    const work = lasting();
    const { runs, task } = noting(fleet.clock, { run: work.run });
    const one = fleet.replica({ jitter: 0 });
    one.add(task);
    await one.start();
    await fleet.clock.advance(1_000);
    let isDone = false;
    const ticks = Promise.all([one.tick(), one.tick("sweep")]).then(() => {
      isDone = true;
    });
    await fleet.clock.settle();
    expect(isDone).toBe(false);
    work.finish();
    await ticks;
    expect(runs).toEqual([1_000]);
  });

  it("runs although another replica's timer ran the task in this interval", async () => {
    const { runs, task } = noting(fleet.clock, { every: 60_000 });
    const [one, two] = [fleet.replica({ jitter: 0 }), fleet.replica({ jitter: 0 })];
    one.add(task);
    two.add(task);
    await one.start();
    await fleet.clock.advance(60_000);
    await two.tick("sweep");
    expect(runs).toEqual([60_000, 60_000]);
  });

  it("gives the lease back, so that another replica may run at once", async () => {
    const { runs, task } = noting(fleet.clock);
    for (const replica of [fleet.replica(), fleet.replica(), fleet.replica()]) {
      replica.add(task);
      await replica.tick();
    }
    expect(runs).toEqual([0, 0, 0]);
  });
});

describe("close()", () => {
  it("stops the timers, ends what runs, waits for it and gives the leases back", async () => {
    const work = lasting();
    const { runs, task } = noting(fleet.clock, { run: work.run });
    const one = fleet.replica({ jitter: 0 });
    one.add(task);
    await one.start();
    await fleet.clock.advance(1_000);
    await Promise.all([one.close(), one.close()]);
    expect(work.signals[0]?.reason).toMatchObject({ code: "SHUTTING_DOWN" });
    expect(fleet.clock.waiting).toBe(0);
    const held = await fleet.database.connection
      .selectFrom("mcp_leases")
      .select("name")
      .where("owner", "<>", "")
      .execute();
    expect(held).toEqual([]);
    expect(fleet.logged).toEqual([]);
    await fleet.clock.advance(10_000);
    expect(runs).toEqual([1_000]);
  });

  it("refuses everything afterwards but another close", async () => {
    const one = fleet.replica();
    await one.close();
    await one.close();
    const closed = expect.objectContaining({ code: "SHUTTING_DOWN" });
    await expect(one.start()).rejects.toEqual(closed);
    await expect(one.tick()).rejects.toEqual(closed);
    expect(() => one.add(noting(fleet.clock).task)).toThrow(closed);
  });

  it("may come while it starts, and before it was started", async () => {
    const one = fleet.replica();
    one.add(noting(fleet.clock).task);
    await Promise.all([one.start(), one.close()]);
    expect(fleet.clock.waiting).toBe(0);
    await fleet.replica().close();
  });

  it("begins no run whose lease arrives after it", async () => {
    const { runs, task } = noting(fleet.clock);
    const leases = fleet.leases("a");
    let arrive = () => {};
    const gate = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const acquire: LeaseStore["acquire"] = async (...given) => {
      await gate;
      return leases.acquire(...given);
    };
    const one = fleet.replica({ jitter: 0 }, { leases: { ...leases, acquire } });
    one.add(task);
    const ticked = one.tick();
    const closed = one.close();
    arrive();
    await Promise.all([ticked, closed]);
    expect(runs).toEqual([]);
    expect(await fleet.leases("b").acquire("task:sweep", 1_000)).not.toBeNull();
  });

  it("does not wait for ever, and leaves the lease to a run that does not end", async () => {
    const one = fleet.replica();
    one.add(noting(fleet.clock, { run: () => new Promise(() => {}) }).task);
    void one.tick();
    await fleet.clock.settle();
    let isClosed = false;
    const closing = one.close().then(() => {
      isClosed = true;
    });
    await fleet.clock.advance(9_999);
    expect(isClosed).toBe(false);
    await fleet.clock.advance(1);
    await closing;
    expect(fleet.logged).toMatchObject([{ level: "warn", details: { running: ["sweep"] } }]);
    expect(await fleet.leases("b").acquire("task:sweep", 1_000)).toBeNull();
    await fleet.clock.advance(5_000);
    expect(await fleet.leases("b").acquire("task:sweep", 1_000)).not.toBeNull();
  });
});

describe("what the scheduler refuses", () => {
  it.each([
    ["a jitter below 0", { jitter: -0.1 }],
    ["a jitter above one half", { jitter: 0.6 }],
    ["a jitter that is no number", { jitter: Number.NaN }],
    ["a lease that is too short", { leaseMs: 299 }],
    ["a lease without end", { leaseMs: Number.POSITIVE_INFINITY }],
  ])("%s", (_, options) => {
    expect(() => scheduler(options)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
  });

  it("a second task of the same name", () => {
    const one = fleet.replica();
    const { task } = noting(fleet.clock);
    one.add(task);
    expect(() => one.add({ ...task })).toThrow(expect.objectContaining({ code: "CONFLICT" }));
  });

  it("names and times that are none", () => {
    const one = fleet.replica();
    const { task } = noting(fleet.clock);
    for (const bad of [{ name: "" }, { name: "x".repeat(129) }, { every: 50 }, { every: "soon" }]) {
      expect(() => one.add({ ...task, ...bad })).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
    }
  });
});

const url = inject("postgresUrl");

describe.skipIf(url === null)("on Postgres, in real time", () => {
  const schema = `moorage_scheduler_${randomUUID().replaceAll("-", "")}`;
  const open = () => postgres({ connectionString: url ?? "", options: `-c search_path=${schema}`, max: 2 });
  let admin: ReturnType<typeof postgres>;

  beforeEach(async () => {
    admin = postgres({ connectionString: url ?? "", max: 1 });
    await sql`create schema ${sql.id(schema)}`.execute(admin.kysely);
  });
  afterEach(async () => {
    await sql`drop schema ${sql.id(schema)} cascade`.execute(admin.kysely);
    await admin.close?.();
  });

  it("four replicas with connections of their own run each interval once, never two at a time", async () => {
    const everyMs = 300;
    let starts = 0;
    let running = 0;
    let most = 0;
    const replicas: { readonly database: Database; readonly scheduler: Scheduler }[] = [];
    for (let at = 0; at < 4; at += 1) {
      const database = openDatabase(open());
      if (at === 0) await migrateDatabase(database, coreMigrations);
      const leases = createLeaseStore(database, { owner: `replica-${at}` });
      const context = { ...contextFor({ clock: systemClock, database, logged: fleet.logged }), leases };
      const replica = scheduler({ leaseMs: 600 }).create(context);
      replica.add({
        name: "sweep",
        every: everyMs,
        async run() {
          starts += 1;
          running += 1;
          most = Math.max(most, running);
          await pause(40);
          running -= 1;
        },
      });
      replicas.push({ database, scheduler: replica });
    }
    await Promise.all(replicas.map((replica) => replica.scheduler.start()));
    const startedAt = performance.now();
    await pause(3_000);
    await Promise.all(replicas.map((replica) => replica.scheduler.close()));
    await Promise.all(replicas.map(({ database }) => database.close()));
    expect(most).toBe(1);
    expect(starts).toBeGreaterThan(2);
    expect(starts).toBeLessThanOrEqual(Math.ceil((performance.now() - startedAt) / (0.9 * everyMs)) + 1);
  });
});
