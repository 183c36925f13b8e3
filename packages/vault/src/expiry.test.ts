import type { PlatformEvents } from "@moorage/core";
import { sql } from "kysely";
import { expect, it } from "vitest";
import { type House, inEveryHouse, inInstance, keys, LAUNCH, owned, START, valuesOf } from "./house.test.ts";

const DAY_MS = 86_400_000;

/** What owners were told of expiry so far, such as `14 TOKEN` and `expired TOKEN`. */
function told({ recorded }: House): string[] {
  return recorded
    .filter(({ type }) => type === "secret.expiring" || type === "secret.expired")
    .map(({ data }) => data as PlatformEvents["secret.expiring"])
    .map(({ daysLeft = "expired", name }) => `${daysLeft} ${name}`);
}

/** Rows as they would be after that many puts, quickly: copies of one secret under other names. */
async function multiply({ database }: House, count: number): Promise<void> {
  const columns = sql.raw(
    `owner_id, scope, scope_id, version, key_id, envelope, hint, created_at, updated_at, rotate_after_days,
    expires_at, previous_envelope, previous_key_id, previous_until`,
  );
  const table = sql.table("mcp_secrets");
  await sql`insert into ${table} (id, name, ${columns})
    with recursive counter(n) as (select 1 union all select n + 1 from counter where n < ${sql.lit(count - 1)})
    select 'copy-' || n, 'COPY_' || n, ${columns} from ${table}, counter`.execute(database.connection);
}

inEveryHouse("tend()", (home) => {
  const atDay = (day: number) => {
    home.house.time = START + day * DAY_MS;
  };

  it("tells of 14, 7 and 1 days and of the end, each once, over ninety days", async () => {
    await home.safe.put(owned("TOKEN"));
    const days: string[] = [];
    for (let hour = 0; hour <= 95 * 24; hour += 6) {
      home.house.time = START + hour * 3_600_000;
      const before = told(home.house).length;
      await home.safe.tend();
      for (const text of told(home.house).slice(before)) days.push(`${text} on day ${hour / 24}`);
    }
    expect(days).toEqual([
      "14 TOKEN on day 76",
      "7 TOKEN on day 83",
      "1 TOKEN on day 89",
      "expired TOKEN on day 90",
    ]);
  });

  it("tells what is about to end, of which version, and when", async () => {
    await home.safe.put({ ...inInstance("i-1", "KEY"), rotateAfterDays: 30 });
    atDay(23);
    await home.safe.tend();
    atDay(30);
    await home.safe.tend();
    const secret = { scope: "instance", scopeId: "i-1", name: "KEY", version: 1 };
    const expiresAt = "2026-03-31T10:00:00.000Z";
    expect(home.house.recorded.slice(1)).toEqual([
      {
        type: "secret.expiring",
        ownerId: "alice",
        subjectId: expect.any(String),
        data: { ...secret, expiresAt, daysLeft: 7 },
      },
      {
        type: "secret.expired",
        ownerId: "alice",
        subjectId: expect.any(String),
        data: { ...secret, expiresAt },
      },
    ]);
  });

  it.each([
    [80, ["14 TOKEN"]],
    [85, ["7 TOKEN"]],
    [89.5, ["1 TOKEN"]],
    [90, ["expired TOKEN"]],
    [300, ["expired TOKEN"]],
  ])("tells only the nearest when nobody tended until day %d", async (day, expected) => {
    await home.safe.put(owned("TOKEN"));
    atDay(day);
    await home.safe.tend();
    await home.safe.tend();
    expect(told(home.house)).toEqual(expected);
  });

  it("goes on from where it was when it was away for a while", async () => {
    await home.safe.put(owned("TOKEN"));
    for (const day of [77, 89.5, 95]) {
      atDay(day);
      await home.safe.tend();
    }
    expect(told(home.house)).toEqual(["14 TOKEN", "1 TOKEN", "expired TOKEN"]);
  });

  it("begins again after a rotation and after a put", async () => {
    await home.safe.put(owned("A"));
    await home.safe.put(owned("B"));
    atDay(91);
    await home.safe.tend();
    await home.safe.rotate(owned("A"));
    await home.safe.put(owned("B"));
    await home.safe.tend();
    expect(told(home.house).sort()).toEqual(["expired A", "expired B"]);
    home.house.recorded.splice(0);
    atDay(91 + 77);
    await home.safe.tend();
    atDay(91 + 91);
    await home.safe.tend();
    expect(told(home.house).sort()).toEqual(["14 A", "14 B", "expired A", "expired B"]);
  });

  it("says nothing of secrets that never end, and no more days than a secret has", async () => {
    await home.safe.put({ ...owned("NEVER"), rotateAfterDays: null });
    await home.safe.put({ ...owned("WEEKLY"), rotateAfterDays: 7 });
    await home.safe.put({ ...owned("DAILY"), rotateAfterDays: 1 });
    await home.safe.tend();
    expect(told(home.house)).toEqual([]);
    atDay(6);
    await home.safe.tend();
    expect(told(home.house)).toEqual(["expired DAILY", "1 WEEKLY"]);
  });

  it("leaves a secret that has expired as it is: it opens", async () => {
    await home.safe.put(owned("TOKEN", "still good"));
    atDay(120);
    await home.safe.tend();
    const { items } = await home.safe.list({});
    expect(items).toMatchObject([{ version: 1, expiresAt: "2026-05-30T10:00:00.000Z" }]);
    const resolving = home.safe.resolve({ ...LAUNCH, environment: { A: "secret:TOKEN" } });
    expect(await valuesOf(resolving)).toEqual({ A: "still good" });
  });

  it("destroys the version before when its grace is over, not earlier", async () => {
    await home.safe.put(owned("TOKEN", "first"));
    await home.safe.rotate({ ...owned("TOKEN", "second"), graceSeconds: 60 });
    const previous = async () => {
      const rows = JSON.parse(await home.house.rows())[0];
      return [rows[0].previous_envelope !== null, rows[0].previous_key_id, rows[0].previous_until];
    };
    home.house.time += 59_999;
    await home.safe.tend();
    expect(await previous()).toEqual([true, "k1", "2026-03-01T10:01:00.000Z"]);
    home.house.time += 1;
    await home.safe.tend();
    expect(await previous()).toEqual([false, null, null]);
    expect((await home.safe.list({})).items).toMatchObject([{ version: 2, previousUntil: null }]);
  });

  it("stores what it tells together with that it was told", async () => {
    await home.safe.put(owned("TOKEN"));
    atDay(80);
    home.house.canRecord = false;
    await expect(home.safe.tend()).rejects.toThrow("no event");
    home.house.canRecord = true;
    await home.safe.tend();
    expect(told(home.house)).toEqual(["14 TOKEN"]);
    const delivered = home.house.delivered;
    await home.safe.tend();
    expect(home.house.delivered).toBe(delivered);
  });

  it("tends two thousand secrets in batches, by four replicas, each secret once", async () => {
    await home.safe.put(owned("COPY_0", "first"));
    await home.safe.rotate(owned("COPY_0", "second"));
    await multiply(home.house, 2_000);
    let transactions = 0;
    const { database } = home.house;
    const { transaction } = database;
    database.transaction = (work) => {
      transactions += 1;
      return transaction(work);
    };
    const replicas = Array.from({ length: 4 }, () => home.house.vault({ keys }));
    atDay(85);
    await Promise.all(replicas.map((replica) => replica.tend()));
    await home.safe.tend();
    expect(told(home.house)).toHaveLength(2_000);
    expect(new Set(told(home.house)).size).toBe(2_000);
    expect(transactions).toBeGreaterThan(40);
    atDay(90);
    await Promise.all(replicas.map((replica) => replica.tend()));
    await home.safe.tend();
    expect(told(home.house)).toHaveLength(4_000);
    expect(new Set(told(home.house)).size).toBe(4_000);
    const rows = JSON.parse(await home.house.rows())[0] as { readonly previous_envelope: unknown }[];
    expect(rows.filter(({ previous_envelope }) => previous_envelope !== null)).toEqual([]);
    database.transaction = transaction;
  });
});
