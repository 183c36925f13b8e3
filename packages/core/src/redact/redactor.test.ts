import { describe, expect, it } from "vitest";
import { PlatformError } from "../errors.ts";
import { createRedactor } from "./redactor.ts";
import { SECRET_MARK } from "./stream-redactor.ts";

const TOKEN = `tok/en+"ü" 1234&5678`;
const redactor = createRedactor([TOKEN, "short", "another-secret"]);

describe("text", () => {
  it("has a mark in place of every form of every value", () => {
    const basic = Buffer.from(`user:${TOKEN}`).toString("base64");
    const forms = [
      TOKEN,
      JSON.stringify(TOKEN).slice(1, -1),
      Buffer.from(TOKEN).toString("base64"),
      Buffer.from(TOKEN).toString("base64url"),
      Buffer.from(TOKEN).toString("hex"),
      encodeURIComponent(TOKEN),
      new URLSearchParams({ v: TOKEN }).toString().slice(2),
    ];
    for (const form of forms) expect(redactor.text(`a ${form} b`)).toBe("a [secret] b");
    expect(redactor.text(`Authorization: Basic ${basic}`)).toMatch(
      /^Authorization: Basic dXNlc.{0,3}\[secret\].{0,3}$/,
    );
    expect(redactor.text("another-secret,another-secret!")).toBe("[secret],[secret]!");
  });

  it("is left as it is where it holds none", () => {
    for (const text of ["", "short", "tok/en", "another secret", "x".repeat(10_000)])
      expect(redactor.text(text)).toBe(text);
    expect(createRedactor([]).text(TOKEN)).toBe(TOKEN);
    expect(createRedactor(["1234567"]).text("1234567")).toBe("1234567");
  });

  it("shows no rest of values that overlap, contain or follow each other", () => {
    const { text } = createRedactor(["abcdefgh-1", "efgh-1-xyz", "abcdefgh-1-and-more"]);
    expect(text("<abcdefgh-1-xyz>")).toBe(`<${SECRET_MARK}>`);
    expect(text("<abcdefgh-1-and-more>")).toBe(`<${SECRET_MARK}>`);
    expect(text("<abcdefgh-1abcdefgh-1>")).toBe(`<${SECRET_MARK}>`);
  });

  it("shows nothing of a value of any size", () => {
    for (const size of [8, 63, 64, 65, 127, 128, 129, 191, 192, 193, 1_000, 65_536]) {
      const value = Array.from({ length: size }, (_, index) => String.fromCharCode(33 + ((index * 31) % 90)));
      const { text } = createRedactor([value.join("")]);
      expect(text(`<${value.join("")}>`), String(size)).toBe("<[secret]>");
      expect(text(`<${Buffer.from(value.join("")).toString("hex")}>`), String(size)).toBe("<[secret]>");
    }
  });

  it("shows no line of a value of several lines", () => {
    const { text } = createRedactor(["-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n"]);
    expect(text("-----BEGIN KEY-----\n  MIIEvQIBADANBg\n")).toBe("[secret]\n  [secret]\n");
  });

  it("agrees with a plain search for random values in random texts, however it is cut into chunks", () => {
    const random = randomness(7);
    const letters = (count: number) => Array.from({ length: count }, () => "abc/"[random(4)] ?? "a").join("");
    for (let round = 0; round < 300; round += 1) {
      const values = Array.from({ length: 1 + random(4) }, () => letters(8 + random(20)));
      const text = Array.from({ length: random(12) }, () =>
        random(2) ? letters(random(30)) : (values[random(values.length)] ?? ""),
      ).join("");
      const one = createRedactor(values);
      const told = one.text(text);
      for (const value of values) expect(told).not.toContain(value);
      // What is left stands in the text in that order, and nothing else was added.
      let from = 0;
      for (const rest of told.split(SECRET_MARK)) {
        const at = text.indexOf(rest, from);
        expect(at).toBeGreaterThanOrEqual(from);
        from = at + rest.length;
      }
      const isFound = values.some((value) => text.includes(value));
      if (isFound) expect(told).toContain(SECRET_MARK);
      const stream = one.stream();
      let streamed = "";
      for (let at = 0; at < text.length; ) {
        const size = 1 + random(40);
        streamed += stream.push(text.slice(at, at + size));
        at += size;
      }
      expect(streamed + stream.end()).toBe(told);
    }
  });

  it("takes no longer for a text that nearly matches everywhere", () => {
    const value = `${"a".repeat(60_000)}b`;
    const { text } = createRedactor([value, `${"a".repeat(40)}c`]);
    const started = performance.now();
    expect(text("a".repeat(30) + "x".repeat(10)).length).toBeGreaterThan(0);
    expect(text(`${"a".repeat(63)}-`.repeat(1_000))).toHaveLength(64_000);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe("value", () => {
  it("is redacted in every text and every key, and otherwise the same", () => {
    const given = {
      content: [{ type: "text", text: `it is ${TOKEN}` }],
      [`key ${TOKEN}`]: 1,
      untouched: { list: [1, null, true, "short"] },
    };
    const told = redactor.value(given);
    expect(told).toEqual({
      content: [{ type: "text", text: "it is [secret]" }],
      "key [secret]": 1,
      untouched: { list: [1, null, true, "short"] },
    });
    expect(told.untouched).toBe(given.untouched);
    expect(given.content[0]?.text).toContain(TOKEN);
  });

  it("is the same object where nothing changes", () => {
    const given = { a: [{ b: "nothing" }], c: Number.NaN };
    expect(redactor.value(given)).toBe(given);
    expect(redactor.value(TOKEN)).toBe("[secret]");
    expect(redactor.value(null)).toBeNull();
  });

  it("keeps a member named __proto__ a plain member", () => {
    const told = redactor.value(JSON.parse(`{"__proto__":{"a":"another-secret"}}`));
    expect(JSON.stringify(told)).toBe(`{"__proto__":{"a":"[secret]"}}`);
  });

  it("may be an error, with its message, stack, details and causes", () => {
    const cause = new TypeError("deep: another-secret");
    const given = new PlatformError("UPSTREAM_FAILED", "it said another-secret", {
      details: { data: ["another-secret"] },
      cause,
    });
    const told = redactor.value(given);
    expect(told).toBeInstanceOf(PlatformError);
    expect(told).toMatchObject({
      code: "UPSTREAM_FAILED",
      status: 502,
      message: "it said [secret]",
      details: { data: ["[secret]"] },
    });
    expect(told.cause).toBeInstanceOf(TypeError);
    expect((told.cause as Error).message).toBe("deep: [secret]");
    expect(`${told.stack} ${(told.cause as Error).stack}`).not.toContain("another-secret");
    expect(told.stack).toContain("redactor.test.ts");
    expect(given.message).toContain("another-secret");
    const harmless = new Error("nothing");
    expect(redactor.value(harmless)).toBe(harmless);
  });

  it("may be nested too deep or go in circles: then the rest is left out", () => {
    let deep: unknown = "another-secret";
    for (let level = 0; level < 100_000; level += 1) deep = [deep];
    expect(JSON.stringify(redactor.value(deep))).toContain("[omitted]");
    const circle: Record<string, unknown> = { text: "another-secret" };
    circle.self = circle;
    expect(JSON.stringify(redactor.value(circle))).not.toContain("another-secret");
  });
});

/** A repeatable source of numbers from 0 to below `limit`. */
function randomness(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * limit);
  };
}
