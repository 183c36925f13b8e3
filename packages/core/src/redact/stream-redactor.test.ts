import { expect, it } from "vitest";
import { createRedactor } from "./redactor.ts";

const TOKEN = "0123456789abcdef";
const redactor = createRedactor([TOKEN, "0123456789abcdef-and-more"]);

it("finds a value that is cut in two at any place", () => {
  for (let at = 0; at <= TOKEN.length; at += 1) {
    const stream = redactor.stream();
    const told = [stream.push(`a ${TOKEN.slice(0, at)}`), stream.push(`${TOKEN.slice(at)} b`), stream.end()];
    expect(told.join("")).toBe("a [secret] b");
  }
});

it("finds a value that comes one character at a time", () => {
  const stream = redactor.stream();
  const told = [...`a ${TOKEN}-and-more b ${TOKEN}`].map((character) => stream.push(character)).join("");
  expect(told + stream.end()).toBe("a [secret] b [secret]");
});

it("holds back less than the longest value, and nothing after the end", () => {
  const { stream } = createRedactor(["12345678"]);
  const one = stream();
  const text = "x".repeat(1_000);
  // The longest form of these eight characters is their hexadecimal, sixteen of them.
  expect(one.push(text)).toHaveLength(1_000 - 15);
  expect(one.end()).toHaveLength(15);
  expect(one.end()).toBe("");
  expect(one.push("12345678")).toBe("");
  expect(one.end()).toBe("[secret]");
});

it("holds back at most 127 characters, however long the values are", () => {
  const long = Array.from({ length: 5_000 }, (_, index) => String.fromCharCode(48 + (index % 70))).join("");
  const stream = createRedactor([long]).stream();
  expect(stream.push("x".repeat(1_000)).length).toBeGreaterThanOrEqual(1_000 - 127);
  const told =
    stream.push(long.slice(0, 2_222)) + stream.push(long.slice(2_222)) + stream.push("y".repeat(500));
  expect(told + stream.end()).toMatch(/^x+\[secret\]y+$/);
});

it("gives everything back at once where there is nothing to look for", () => {
  const stream = createRedactor(["short"]).stream();
  expect(stream.push("short")).toBe("short");
  expect(stream.end()).toBe("");
});
