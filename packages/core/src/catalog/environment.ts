import { type InputIssue, PlatformError } from "../errors.ts";
import { invalidInput } from "../input.ts";
import { isForbiddenVariable } from "./forbidden-variables.ts";
import type { EnvironmentVariable } from "./server-definition.ts";
import { valueProblem } from "./variable-values.ts";

const MAXIMUM_TOTAL_LENGTH = 524_288;

const REFERENCE =
  /^(secret:[A-Za-z_][A-Za-z0-9_]{0,127}|secret_ref:[A-Za-z0-9_-]{1,64}:[A-Za-z_][A-Za-z0-9_]{0,127})$/;
const REFERENCE_START = /^secret(_ref)?:/;

type Values = Readonly<Record<string, string>>;

/** An environment that fits its definition, sorted by what has to happen to each value. */
export interface CheckedEnvironment {
  /** May be stored and shown as they are. */
  readonly literals: Values;
  /** Literal values of secret variables: to be sealed before anything is stored. */
  readonly secretsToSeal: Values;
  /** `secret:<name>` and `secret_ref:<instance>:<NAME>`, resolved at launch. */
  readonly references: Values;
}

export interface CheckEnvironmentOptions {
  /**
   * Take variables that the definition does not name. Approvals cover names, so that this is for trusted callers and
   * for definitions that name none at all.
   */
  readonly allowUndeclared?: boolean;
}

/**
 * Checks the variables of an instance against those of its definition. Throws `INVALID_INPUT` naming every variable that is
 * unknown, forbidden or does not fit, and `MISSING_VARIABLES` naming every required one that has neither value nor default.
 */
export function checkEnvironment(
  variables: readonly EnvironmentVariable[],
  environment: Values,
  options: CheckEnvironmentOptions = {},
): CheckedEnvironment {
  const declared = new Map(variables.map((variable) => [variable.name, variable]));
  const entries = Object.entries(environment);
  const issues = entries.flatMap(([name, value]): InputIssue[] => {
    const message = problemOf(name, value, { variable: declared.get(name), ...options });
    return message === undefined ? [] : [{ path: `environment.${name}`, message }];
  });
  if (entries.reduce((sum, [, value]) => sum + value.length, 0) > MAXIMUM_TOTAL_LENGTH) {
    issues.push({
      path: "environment",
      message: `must have at most ${MAXIMUM_TOTAL_LENGTH} characters in all`,
    });
  }
  if (issues.length > 0) throw invalidInput("environment", issues);
  checkMissing(variables, environment);
  const isReference = ([, value]: [string, string]) => REFERENCE.test(value);
  const isSecret = (entry: [string, string]) =>
    !isReference(entry) && declared.get(entry[0])?.isSecret === true;
  return {
    literals: Object.fromEntries(entries.filter((entry) => !isReference(entry) && !isSecret(entry))),
    secretsToSeal: Object.fromEntries(entries.filter(isSecret)),
    references: Object.fromEntries(entries.filter(isReference)),
  };
}

/** The environment with the defaults of the variables that it does not set. */
export function withDefaults(
  variables: readonly EnvironmentVariable[],
  environment: Values,
): Record<string, string> {
  const defaults = variables.flatMap(({ name, default: value }): [string, string][] =>
    value === null ? [] : [[name, value]],
  );
  return { ...Object.fromEntries(defaults), ...environment };
}

function problemOf(
  name: string,
  value: string,
  {
    variable,
    allowUndeclared = false,
  }: CheckEnvironmentOptions & { readonly variable: EnvironmentVariable | undefined },
): string | undefined {
  if (isForbiddenVariable(name)) return "may not be set, because it changes which code runs";
  if (!variable && !allowUndeclared) return "is not a variable of the server definition; add it there first";
  if (REFERENCE.test(value)) return undefined;
  if (REFERENCE_START.test(value)) return "must be secret:<name> or secret_ref:<instance>:<NAME>";
  if (variable) return valueProblem(variable, value);
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) return "must be a variable name";
  return valueProblem({ type: "string" }, value);
}

function checkMissing(variables: readonly EnvironmentVariable[], environment: Values): void {
  const missing = variables
    .filter(({ isRequired, default: value }) => isRequired && value === null)
    .map(({ name }) => name)
    .filter((name) => !Object.hasOwn(environment, name) || environment[name] === "");
  if (missing.length === 0) return;
  throw new PlatformError(
    "MISSING_VARIABLES",
    `Required variables are missing: ${missing.join(", ")}. Give each a value or a secret:<name> reference.`,
    { details: { missing } },
  );
}
