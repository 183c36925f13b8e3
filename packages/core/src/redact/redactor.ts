import { encodedForms, MINIMUM_SECRET_LENGTH, plainForms } from "./forms.ts";
import { createMatcher } from "./matcher.ts";
import { redactValue } from "./redact-value.ts";
import { createStreamRedactor, type StreamRedactor } from "./stream-redactor.ts";

/** Beyond this many characters of values together, those that are left are searched for as they are, not encoded. */
const MAX_ENCODED_CHARACTERS = 256 * 1024;

/** Replaces secrets by `[secret]`, in whichever of the known forms they come. */
export interface Redactor {
  /** The text itself where it holds none. */
  text(text: string): string;
  /** Every text inside a value of plain JSON or an error; the value itself where nothing changes. */
  value<Value>(value: Value): Value;
  /** For a text that comes in chunks, which may cut a secret in two. */
  stream(): StreamRedactor;
}

/**
 * Makes a redactor of these values. Each is found as it is, line by line, in JSON, base64 and base64url, hexadecimal,
 * and percent-encoded. Values of fewer than eight characters are not.
 */
export function createRedactor(values: readonly string[]): Redactor {
  const matcher = createMatcher(formsOf(values));
  const stream = () => createStreamRedactor(matcher);
  const text = (given: string) => {
    let isFound = false;
    matcher.scan(given, () => {
      isFound = true;
    });
    if (!isFound) return given;
    const whole = stream();
    return whole.push(given) + whole.end();
  };
  return {
    text,
    stream,
    value: (value) => (matcher.longest === 0 ? value : redactValue(value, text)),
  };
}

function* formsOf(values: readonly string[]): Iterable<string> {
  let encoded = 0;
  for (const value of [...new Set(values)].sort((left, right) => left.length - right.length)) {
    if (value.trim().length < MINIMUM_SECRET_LENGTH) continue;
    yield* plainForms(value);
    encoded += value.length;
    if (encoded <= MAX_ENCODED_CHARACTERS) yield* encodedForms(value);
  }
}
