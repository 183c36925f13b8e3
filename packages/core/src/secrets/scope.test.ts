import { describe, expect, it } from "vitest";
import type { EnvironmentVariable } from "../catalog/server-definition.ts";
import { isPlatformError } from "../errors.ts";
import { checkSecretValue } from "./scope.ts";

const variable = (rules: Partial<EnvironmentVariable>): EnvironmentVariable => ({
  name: "PORT",
  type: "string",
  description: "",
  isRequired: false,
  isSecret: true,
  default: null,
  ...rules,
});

describe("checkSecretValue", () => {
  it("refuses what the variable of that name cannot be, naming it and not the value", () => {
    const check = () => checkSecretValue([variable({ type: "integer" })], { name: "PORT", value: "hunter2" });
    expect(check).toThrow("The secret is not valid: value: of the variable PORT must be an integer.");
    expect(check).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
  });

  it("takes any value for a name that is not declared", () => {
    checkSecretValue([variable({ type: "integer" })], { name: "OTHER", value: "x" });
    checkSecretValue([], { name: "PORT", value: "x" });
  });

  it("takes what one of several declarations of the name takes", () => {
    const variables = [variable({ type: "integer" }), variable({ choices: ["auto"] })];
    checkSecretValue(variables, { name: "PORT", value: "auto" });
    checkSecretValue(variables, { name: "PORT", value: "80" });
    const check = () => checkSecretValue(variables, { name: "PORT", value: "x" });
    expect(check).toThrow(expect.toSatisfy((error) => isPlatformError(error, "INVALID_INPUT")));
  });
});
