import { z } from "zod";

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const CONTROL = /[\u0000-\u001f\u007f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same, but for tab, line feed and carriage return
const CONTROL_IN_TEXT = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** Postgres stores no NUL, and UTF-8 no lone surrogate: such text would be another one when it is read again. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Text of 1 to `maximum` characters on one line, without control characters. */
export function lineText(maximum: number) {
  return z
    .string()
    .min(1, "must not be empty")
    .max(maximum, `must have at most ${maximum} characters`)
    .refine(
      (text) => !CONTROL.test(text) && !LONE_SURROGATE.test(text),
      "must not hold line breaks or control characters",
    );
}

/** Text of 1 to `maximum` characters that may have several lines. */
export function blockText(maximum: number) {
  return z
    .string()
    .min(1, "must not be empty")
    .max(maximum, `must have at most ${maximum} characters`)
    .refine(
      (text) => !CONTROL_IN_TEXT.test(text) && !LONE_SURROGATE.test(text),
      "must not hold control characters",
    );
}

/** The fields of every list query; see `PageQuery`. */
export const pageFields = {
  limit: z.int().min(1).max(200),
  cursor: lineText(500),
};
