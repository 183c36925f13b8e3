import { PlatformError } from "../errors.ts";

/** A value as JSON text for a column. Throws `INTERNAL` for what JSON cannot hold: a circle, a bigint, a function. */
export function encodeJson(value: unknown): string {
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    cause = error;
  }
  if (text !== undefined) return text;
  throw new PlatformError("INTERNAL", `A ${typeof value} could not be stored as JSON.`, { cause });
}

/**
 * What a JSON column holds; `column` is `table.column`. Throws `INTERNAL` naming the column, never its content,
 * when somebody else wrote something that is not JSON.
 */
export function decodeJson<Value>(text: string, column: string): Value {
  try {
    return JSON.parse(text) as Value;
  } catch {
    // No cause: the parser's message quotes the text, which may be confidential.
    throw new PlatformError("INTERNAL", `The database holds text that is not JSON in ${column}.`);
  }
}

/** A flag as a column holds it. */
export function encodeBoolean(value: boolean): 0 | 1 {
  return value ? 1 : 0;
}

/** A flag from its column. */
export function decodeBoolean(value: number): boolean {
  return value !== 0;
}

/** Text that every database takes: Postgres has no NUL character. */
export function storableText(text: string): string {
  return text.replaceAll("\u0000", "\ufffd");
}
