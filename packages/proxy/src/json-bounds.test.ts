import { describe, expect, it } from "vitest";
import { approximateJsonBytes, exceedsJsonBounds, MAX_JSON_DEPTH, MAX_JSON_NODES } from "./json-bounds.ts";

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

describe("exceedsJsonBounds", () => {
  it("accepts what is just deep and wide enough", () => {
    expect(exceedsJsonBounds(nested(MAX_JSON_DEPTH))).toBeUndefined();
    expect(exceedsJsonBounds(new Array(MAX_JSON_NODES - 1).fill(0))).toBeUndefined();
  });

  it("refuses one level and one value more", () => {
    expect(exceedsJsonBounds(nested(MAX_JSON_DEPTH + 1))).toContain("64 levels");
    expect(exceedsJsonBounds(new Array(MAX_JSON_NODES).fill(0))).toContain("100000 values");
  });

  it("survives JSON two million levels deep", () => {
    const deep: unknown = JSON.parse("[".repeat(2_000_000) + "]".repeat(2_000_000));
    expect(exceedsJsonBounds(deep)).toContain("64 levels");
  });

  it("refuses what contains itself", () => {
    const ring: Record<string, unknown> = {};
    ring.self = ring;
    expect(exceedsJsonBounds(ring)).toContain("64 levels");
  });
});

it.each([
  ["text", "a".repeat(1_000)],
  ["a list", Array.from({ length: 100 }, (_, index) => ({ index, name: `item ${index}` }))],
  ["scalars", [1, true, null]],
])("approximateJsonBytes comes near the length of %s", (_, value) => {
  const exact = JSON.stringify(value).length;
  expect(approximateJsonBytes(value)).toBeGreaterThan(exact * 0.6);
  expect(approximateJsonBytes(value)).toBeLessThan(exact * 1.8);
});
