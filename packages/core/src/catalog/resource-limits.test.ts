import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cpusOf, megabytesOf, resourceLimitsSchema } from "./resource-limits.ts";

const parse = (value: unknown) => resourceLimitsSchema.parse(value);
const paths = (value: unknown) =>
  resourceLimitsSchema.safeParse(value).error?.issues.map(({ path }) => path.join("."));

describe("resource limits", () => {
  it.each([
    [
      { cpus: 0.5, memoryMb: 512, diskMb: 1024 },
      { cpus: 0.5, memoryMb: 512, diskMb: 1024 },
    ],
    [
      { cpu: "0.5", memory: "512m", disk: "1g" },
      { cpus: 0.5, memoryMb: 512, diskMb: 1024 },
    ],
    [
      { memory_limit: "256m", cpu_limit: "0.5" },
      { cpus: 0.5, memoryMb: 256 },
    ],
    [
      { max_memory_mb: 512, max_cpu_percent: 50 },
      { cpus: 0.5, memoryMb: 512 },
    ],
    [
      { cpu_kind: "shared", cpus: 1, memory_mb: 256 },
      { cpus: 1, memoryMb: 256 },
    ],
    [
      { cpus: "250m", bestEffort: true },
      { cpus: 0.25, bestEffort: true },
    ],
    [
      { memory: "1.5 GiB", best_effort: false },
      { memoryMb: 1536, bestEffort: false },
    ],
    [{ memory: "512m", memoryMb: 512 }, { memoryMb: 512 }],
    [{}, {}],
  ])("of %j are %j", (source, expected) => expect(parse(source)).toEqual(expected));

  it.each([
    [{ memory: "lots" }, ["memory"]],
    [{ memory: "512" }, ["memory"]],
    [{ memory: "0m" }, ["memory"]],
    [{ memory: "-1g" }, ["memory"]],
    [{ memory: "9999999999t" }, ["memory"]],
    [{ memoryMb: 1.5 }, ["memoryMb"]],
    [{ memoryMb: "512" }, ["memoryMb"]],
    [{ cpus: 0 }, ["cpus"]],
    [{ cpu: "0" }, ["cpu"]],
    [{ cpu: "1e3" }, ["cpu"]],
    [{ cpus: Number.POSITIVE_INFINITY }, ["cpus"]],
    [{ cpu_kind: "gpu" }, ["cpu_kind"]],
    [{ memory: "512m", memoryMb: 256 }, ["memory"]],
    [{ cpus: 1, max_cpu_percent: 50 }, ["max_cpu_percent"]],
  ])("are refused in %j", (source, expected) => expect(paths(source)).toEqual(expected));

  it("have no unknown members", () => {
    expect(resourceLimitsSchema.safeParse({ ram: "1g" }).success).toBe(false);
  });

  it("stay the same when they are read again", () => {
    const source = fc.record(
      {
        cpu: fc.integer({ min: 1, max: 64_000 }).map((value) => `${value}m`),
        memory: fc
          .tuple(fc.integer({ min: 1, max: 9999 }), fc.constantFrom("m", "g", "MB", "Gi"))
          .map((parts) => parts.join("")),
        disk_limit: fc.integer({ min: 1, max: 99 }).map((value) => `${value}g`),
        bestEffort: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(source, (limits) => {
        expect(parse(parse(limits))).toEqual(parse(limits));
      }),
    );
  });
});

describe("amounts", () => {
  it("of memory are rounded up to whole megabytes", () => {
    expect(megabytesOf("1b")).toBe(1);
    expect(megabytesOf("1025k")).toBe(2);
    expect(megabytesOf("1t")).toBe(1_048_576);
  });

  it("are numbers or nothing, whatever the text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const amount of [megabytesOf(text), cpusOf(text)]) {
          if (amount !== undefined) expect(Number.isFinite(amount) && amount >= 0).toBe(true);
        }
      }),
    );
  });

  it("of memory grow with the number", () => {
    const amount = fc.integer({ min: 0, max: 1_000_000 });
    fc.assert(
      fc.property(amount, amount, fc.constantFrom("k", "m", "g"), (a, b, unit) => {
        const [small, large] = [
          megabytesOf(`${Math.min(a, b)}${unit}`),
          megabytesOf(`${Math.max(a, b)}${unit}`),
        ];
        expect(small ?? Number.NaN).toBeLessThanOrEqual(large ?? Number.NaN);
      }),
    );
  });
});
