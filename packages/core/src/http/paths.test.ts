import { describe, expect, it } from "vitest";
import { decodeSegment, normalizeBasePath, pathBelow, pathOf } from "./paths.ts";

describe("paths", () => {
  it("have one form as a base", () => {
    expect(["/", "", "api", "/api/", "//a/b//"].map(normalizeBasePath)).toEqual([
      "",
      "",
      "/api",
      "/api",
      "/a/b",
    ]);
  });

  it("are cut out of a URL as they were sent", () => {
    const urls = ["http://h", "http://h/", "http://h/a%20b?c=/d", "http://h:1/a/b#c?d", "http://h/a?b#c"];
    expect(urls.map(pathOf)).toEqual(["/", "/", "/a%20b", "/a/b", "/a"]);
  });

  it("are below a base only at a slash", () => {
    expect(pathBelow("/api/x", "/api")).toBe("/x");
    expect(pathBelow("/api", "/api")).toBe("/");
    expect(pathBelow("/apix", "/api")).toBeNull();
    expect(pathBelow("/x", "")).toBe("/x");
  });

  it("are decoded once, strictly", () => {
    expect(decodeSegment("a%2Fb%2541")).toBe("a/b%41");
    for (const broken of ["%", "%zz", "%C3%28", "%00", "%1F"]) {
      expect(() => decodeSegment(broken)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
    }
  });
});
