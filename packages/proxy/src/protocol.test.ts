import { expect, it } from "vitest";
import { negotiate } from "./protocol.ts";

it.each([
  ["2025-06-18", "2025-11-25", "2025-06-18"],
  ["2025-11-25", "2025-11-25", "2025-11-25"],
  ["2025-11-25", "2025-06-18", "2025-06-18"],
  ["2026-07-28", "2025-11-25", "2025-11-25"],
  ["1999-01-01", "2025-11-25", "2025-11-25"],
  [undefined, "2025-03-26", "2025-03-26"],
])("a client that wants %s of a server that speaks %s gets %s", (wanted, spoken, agreed) => {
  expect(negotiate(wanted, spoken)).toBe(agreed);
});
