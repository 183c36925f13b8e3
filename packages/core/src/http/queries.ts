import { z } from "@hono/zod-openapi";
import { lineText } from "../input-fields.ts";

/** Text of a query parameter: an id, a name, a cursor. */
export const queryText = lineText(500);

/** A whole number written in digits, and nothing else: no sign, no exponent, no blank. */
export function wholeNumber(minimum: number, maximum: number) {
  return z
    .string()
    .regex(/^\d{1,16}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.number().int().min(minimum).max(maximum))
    .openapi({ type: "integer", minimum, maximum });
}

/** `true` or `false`, in exactly these spellings. */
export const queryBoolean = z
  .enum(["true", "false"])
  .transform((text) => text === "true")
  .openapi({ type: "boolean" });

/** The parameters of every list. */
export const pageParameters = {
  limit: wholeNumber(1, 200).optional(),
  cursor: queryText.optional(),
};

/** The parameters of every list of rows that have an owner. */
export const ownedParameters = { ...pageParameters, ownerId: queryText.optional() };

/** The URL's query as plain members; a parameter given twice becomes a list, which no schema takes. */
export function queryOf(url: string): Record<string, string | string[]> {
  const start = url.indexOf("?");
  if (start < 0) return {};
  const parameters = new URLSearchParams(url.slice(start + 1).split("#", 1)[0]);
  const members = [...new Set(parameters.keys())].map((name) => {
    const values = parameters.getAll(name);
    return [name, values.length === 1 ? (values[0] ?? "") : values] as const;
  });
  return Object.fromEntries(members);
}
