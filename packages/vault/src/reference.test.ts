import { describe, expect, it } from "vitest";
import { isMalformedReference, parseReference } from "./reference.ts";

describe("parseReference", () => {
  it("reads a secret that is looked for by its name", () => {
    expect(parseReference("secret:GITHUB_TOKEN")).toEqual({ kind: "name", name: "GITHUB_TOKEN" });
    expect(parseReference("secret:_1")).toEqual({ kind: "name", name: "_1" });
  });

  it("reads a secret of an instance", () => {
    expect(parseReference("secret_ref:0190-ab_C:API_KEY")).toEqual({
      kind: "instance",
      instanceId: "0190-ab_C",
      name: "API_KEY",
    });
  });

  it.each([
    "plain",
    "",
    " secret:A",
    "x secret:A",
    "Secret:A",
    "secrets:A",
    `secret:${"A".repeat(129)}`,
    "secret:1A",
    "secret:A-B",
    "secret:A\n",
    "secret:",
    "secret_ref:i:",
    "secret_ref::A",
    "secret_ref:i:A:B",
    "secret_ref:i/../j:A",
    `secret_ref:${"i".repeat(65)}:A`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a text, as somebody may write it
    "${secret:A}",
  ])("takes %j for a literal", (value) => {
    expect(parseReference(value)).toBeNull();
  });
});

describe("isMalformedReference", () => {
  it("is true for what begins like a reference and is none", () => {
    expect(
      ["secret:my-token", "secret:", "secret_ref:i", "secret:A secret:B"].every(isMalformedReference),
    ).toBe(true);
  });

  it("is false for references and for everything else", () => {
    expect(["secret:A", "secret_ref:i:A", "a secret:B", "secretary", ""].some(isMalformedReference)).toBe(
      false,
    );
  });
});
