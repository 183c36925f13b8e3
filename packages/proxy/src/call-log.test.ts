import { type ProxyContext, silentLogger, type ToolCallRecord } from "@moorage/core";
import { describe, expect, it, vi } from "vitest";
import { CallLog } from "./call-log.ts";
import { manualClock } from "./scripted-server.test.ts";

function record(id: string, extra: Partial<ToolCallRecord> = {}): ToolCallRecord {
  return {
    id,
    instanceId: "one",
    tool: "echo",
    errorMessage: null,
    arguments: {},
    result: {},
    status: "success",
    ...extra,
  } as ToolCallRecord;
}

function logInto(write: (records: readonly ToolCallRecord[]) => Promise<void>) {
  const clock = manualClock();
  const logger = { ...silentLogger, warn: vi.fn(), error: vi.fn() };
  const redact: ProxyContext["redact"] = (instanceId, value) =>
    JSON.parse(JSON.stringify(value).replaceAll(`secret of ${instanceId}`, "[secret]"));
  return { clock, logger, log: new CallLog({ clock, logger, redact, write }) };
}

function collected() {
  const batches: (readonly ToolCallRecord[])[] = [];
  return { batches, write: async (records: readonly ToolCallRecord[]) => void batches.push(records) };
}

describe("batches", () => {
  it("are written 100 ms after the first record", async () => {
    const { batches, write } = collected();
    const { clock, log } = logInto(write);
    log.add(record("a"));
    log.add(record("b"));
    await clock.advance(99);
    expect(batches).toEqual([]);
    await clock.advance(1);
    expect(batches.map((batch) => batch.map(({ id }) => id))).toEqual([["a", "b"]]);
    expect(clock.timers).toBe(0);
  });

  it("are written at once when there are 200 records", async () => {
    const { batches, write } = collected();
    const { clock, log } = logInto(write);
    for (let count = 0; count < 450; count += 1) log.add(record(String(count)));
    await clock.advance(0);
    expect(batches.map(({ length }) => length)).toEqual([200, 200, 50]);
  });

  it("are written by flush, which waits for them", async () => {
    const { batches, write } = collected();
    const { log } = logInto(write);
    log.add(record("a"));
    await log.flush();
    expect(batches).toHaveLength(1);
  });
});

it("redacts and caps before it keeps anything", async () => {
  const { batches, write } = collected();
  const { log } = logInto(write);
  log.add(record("a", { arguments: { password: "p" }, result: { text: "x".repeat(100_000) } }));
  await log.flush();
  expect(batches[0]?.[0]).toMatchObject({
    arguments: { password: "[redacted]" },
    result: { truncated: true },
  });
});

it("keeps no secret of the instance in any member that others have written", async () => {
  const { batches, write } = collected();
  const { log } = logInto(write);
  const secret = "secret of one";
  const said = { tool: secret, arguments: { q: secret }, result: [secret], errorMessage: `no ${secret}` };
  log.add(record("a", said));
  log.add(record("b", { ...said, instanceId: "two" }));
  await log.flush();
  expect(batches[0]).toMatchObject([
    {
      tool: "[secret]",
      arguments: { q: "[secret]" },
      result: ["[secret]"],
      errorMessage: "no [secret]",
    },
    said,
  ]);
});

it("tries a failed write again, and loses nothing", async () => {
  const { batches, write } = collected();
  let failures = 2;
  const { clock, log } = logInto(async (records) => {
    if (failures-- > 0) throw new Error("busy");
    await write(records);
  });
  log.add(record("a"));
  const flushed = log.flush();
  await clock.advance(1_000);
  await flushed;
  expect(batches).toHaveLength(1);
});

it("gives a batch up after four failures, says so, and goes on", async () => {
  const write = vi.fn(async () => {
    throw new Error("gone");
  });
  const { clock, log, logger } = logInto(write);
  log.add(record("a"));
  const flushed = log.flush();
  await clock.advance(10_000);
  await flushed;
  expect(write).toHaveBeenCalledTimes(4);
  expect(logger.error).toHaveBeenCalledWith(expect.objectContaining({ records: 1 }), expect.any(String));
});

it("drops the oldest beyond 10,000 waiting records and reports how many", async () => {
  const written: string[] = [];
  let release = () => {};
  const stuck = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { log, logger } = logInto(async (records) => {
    await stuck;
    for (const { id } of records) written.push(id);
  });
  for (let count = 0; count < 10_300; count += 1) log.add(record(String(count)));
  release();
  await log.flush();
  expect(written).toHaveLength(10_200);
  expect(written.slice(198, 202)).toEqual(["198", "199", "300", "301"]);
  expect(logger.warn).toHaveBeenCalledWith({ dropped: 100 }, expect.any(String));
});
