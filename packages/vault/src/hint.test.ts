import { describe, expect, it } from "vitest";
import { hintOf } from "./hint.ts";

describe("hintOf", () => {
  it("is the last four characters of a value that has twelve", () => {
    expect(hintOf("ghp_12345678")).toBe("5678");
  });

  it("is nothing for a value that is shorter", () => {
    expect(hintOf("ghp_1234567")).toBeNull();
    expect(hintOf("")).toBeNull();
  });

  it("counts characters, not UTF-16 units", () => {
    expect(hintOf("🔑".repeat(11))).toBeNull();
    expect(hintOf(`${"x".repeat(8)}🔑🔒🔓🗝`)).toBe("🔑🔒🔓🗝");
  });

  it("is nothing for more than one line, and for control characters", () => {
    for (const separator of ["\n", "\r", "\u2028", "\u0007", "\u0085"]) {
      expect(hintOf(`-----BEGIN KEY-----${separator}MIIEvQIBADAN`)).toBeNull();
    }
  });
});
