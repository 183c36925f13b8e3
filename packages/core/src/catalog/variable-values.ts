import type { EnvironmentVariable } from "./server-definition.ts";

/** Longest value of a variable, in UTF-16 units. */
export const MAXIMUM_VALUE_LENGTH = 65_536;

const INTEGER = /^-?\d{1,15}$/;
const NUMBER = /^-?\d{1,300}(\.\d{1,300})?([eE][+-]?\d{1,3})?$/;

type Rules = Pick<EnvironmentVariable, "type" | "format" | "choices">;

/** What is wrong with the value of such a variable, in words that do not repeat it; undefined if it fits. */
export function valueProblem(variable: Rules, value: string): string | undefined {
  if (value.length > MAXIMUM_VALUE_LENGTH) return `must have at most ${MAXIMUM_VALUE_LENGTH} characters`;
  if (value.includes("\0")) return "must not hold a NUL character";
  if (variable.choices && !variable.choices.includes(value)) {
    return `must be one of ${variable.choices.map((choice) => JSON.stringify(choice)).join(", ")}`;
  }
  return typeProblem(variable.type, value) ?? formatProblem(variable.format, value);
}

function typeProblem(type: EnvironmentVariable["type"], value: string): string | undefined {
  if (type === "boolean" && value !== "true" && value !== "false") return 'must be "true" or "false"';
  if (type === "integer" && !INTEGER.test(value)) return "must be an integer";
  if (type === "number" && !(NUMBER.test(value) && Number.isFinite(Number(value)))) return "must be a number";
  return undefined;
}

function formatProblem(format: string | undefined, value: string): string | undefined {
  if (format === "uri" && !URL.canParse(value)) return "must be an absolute URL";
  if (format === "filepath" && (value === "" || /[\r\n]/.test(value))) return "must be a file path";
  return undefined;
}
