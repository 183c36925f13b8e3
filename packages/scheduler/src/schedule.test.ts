import { describe, expect, it } from "vitest";
import { parseSchedule } from "./schedule.ts";

const at = (text: string) => Date.parse(text);

describe("an interval", () => {
  it("is the same gap at any time", () => {
    const schedule = parseSchedule(1_500);
    expect(schedule.kind).toBe("interval");
    expect([0, 1, at("2026-07-01T00:00:00Z")].map(schedule.gapAfter)).toEqual([1_500, 1_500, 1_500]);
  });

  it.each([0, -1, 99, Number.NaN, Number.POSITIVE_INFINITY])("of %d ms is refused", (every) => {
    expect(() => parseSchedule(every)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
  });
});

describe("a cron line", () => {
  it("is due at its times in UTC, whatever the zone of the machine", () => {
    const { gapAfter, kind } = parseSchedule("30 2 * * *");
    expect(kind).toBe("cron");
    expect(gapAfter(at("2026-03-29T02:29:59.250Z"))).toBe(750);
    expect(gapAfter(at("2026-03-29T02:30:00.000Z"))).toBe(24 * 3_600_000);
  });

  it("may have a field for seconds", () => {
    expect(parseSchedule("*/10 * * * * *").gapAfter(at("2026-01-01T00:00:03Z"))).toBe(7_000);
  });

  it.each([
    ["", "no fields"],
    ["* * * *", "four fields"],
    ["* * * * * * *", "seven fields"],
    ["61 * * * *", "a minute that is none"],
    ["every day", "words"],
    ["0 0 30 2 *", "a day that never comes"],
    ["1500", "a number as text"],
  ])("like %j is refused: %s", (line) => {
    expect(() => parseSchedule(line)).toThrow(
      expect.objectContaining({ code: "INVALID_INPUT", message: expect.stringContaining("every") }),
    );
  });
});
