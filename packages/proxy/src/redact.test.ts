import { expect, it } from "vitest";
import { loggableArguments, loggableResult } from "./redact.ts";

it("hides the values of names that sound secret, however deep", () => {
  const given = {
    query: "ships",
    accessToken: "t-1",
    nested: [{ API_KEY: "k-1", apikey: "k-2", "api-key": "k-3", Authorization: { scheme: "Bearer" } }],
    db_password: 7,
    clientSecret: null,
  };
  expect(loggableArguments(given)).toEqual({
    query: "ships",
    accessToken: "[redacted]",
    nested: [
      { API_KEY: "[redacted]", apikey: "[redacted]", "api-key": "[redacted]", Authorization: "[redacted]" },
    ],
    db_password: "[redacted]",
    clientSecret: "[redacted]",
  });
});

it("changes nothing in the arguments themselves", () => {
  const given = { token: "t", list: [1] };
  loggableArguments(given);
  expect(given).toEqual({ token: "t", list: [1] });
});

it("keeps arguments up to 16 KiB and results up to 64 KiB, and says how large the others were", () => {
  const text = (bytes: number) => ({ text: "x".repeat(bytes) });
  expect(loggableArguments(text(16_000))).toEqual(text(16_000));
  expect(loggableArguments(text(17_000))).toEqual({ truncated: true, bytes: expect.closeTo(17_010, -2) });
  expect(loggableResult(text(65_000))).toEqual(text(65_000));
  expect(loggableResult(text(1_000_000))).toEqual({ truncated: true, bytes: expect.closeTo(1_000_010, -2) });
});

it("keeps nothing that is nested too deep to be written", () => {
  let deep: unknown = "end";
  for (let level = 0; level < 100; level += 1) deep = [deep];
  const marker = { truncated: true, bytes: expect.any(Number) };
  expect(loggableArguments(deep)).toEqual(marker);
  expect(loggableResult(deep)).toEqual(marker);
});
