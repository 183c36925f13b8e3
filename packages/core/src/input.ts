import type { z } from "zod";
import { type InputIssue, PlatformError } from "./errors.ts";

const MAXIMUM_ISSUES = 50;
const ISSUES_IN_MESSAGE = 5;
const MAXIMUM_PATH_LENGTH = 200;

type Issue = z.core.$ZodIssue;

/**
 * What the schema makes of the value. Otherwise throws `INVALID_INPUT` with every problem at once (at most 50).
 * Neither the message nor the issues repeat a value: it may be a secret.
 */
export function parseInput<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  what: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalidInput(what, parsed.error.issues.flatMap(toInputIssues));
}

/** The `INVALID_INPUT` error for these problems of `what`, such as "server definition". */
export function invalidInput(what: string, issues: readonly InputIssue[]): PlatformError<"INVALID_INPUT"> {
  const shown = issues.slice(0, ISSUES_IN_MESSAGE).map(inWords).join("; ");
  const hidden = issues.length - ISSUES_IN_MESSAGE;
  const rest = hidden > 0 ? `; and ${hidden} more` : "";
  return new PlatformError("INVALID_INPUT", `The ${what} is not valid: ${shown}${rest}.`, {
    details: { issues: issues.slice(0, MAXIMUM_ISSUES) },
  });
}

function inWords({ path, message }: InputIssue): string {
  const text = message.replace(/\.$/, "");
  return path === "" ? text : `${path}: ${text}`;
}

function toInputIssues(issue: Issue): readonly InputIssue[] {
  if (issue.code === "invalid_union") return unionIssues(issue);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: dotted([...issue.path, key]), message: "is not a known field" }));
  }
  return [{ path: dotted(issue.path), message: issue.message }];
}

/** Of all the branches that failed, the one that got furthest says best what was meant. */
function unionIssues(issue: Extract<Issue, { code: "invalid_union" }>): readonly InputIssue[] {
  const depth = (branch: readonly Issue[]) =>
    Math.max(...branch.map(({ path, code }) => path.length + (code === "invalid_type" ? 0 : 1)));
  const [best] = issue.errors.filter((branch) => branch.length > 0).sort((a, b) => depth(b) - depth(a));
  if (!best || depth(best) === 0) return [{ path: dotted(issue.path), message: issue.message }];
  return best.flatMap((inner) => toInputIssues({ ...inner, path: [...issue.path, ...inner.path] }));
}

function dotted(path: readonly PropertyKey[]): string {
  return path.map(String).join(".").slice(0, MAXIMUM_PATH_LENGTH);
}

/** A type whose optional members are absent or set, never `undefined`. */
export type WithoutUndefined<Value> = { [Key in keyof Value]: Exclude<Value[Key], undefined> };

/** The value without its members that are `undefined`, as a parsed optional field may be. */
export function withoutUndefined<Value extends object>(value: Value): WithoutUndefined<Value> {
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries) as WithoutUndefined<Value>;
}
