import { z } from "zod";
import { parseInput } from "../input.ts";

/** A parsed value whose absent members are absent, as they are in JSON and in a query: never `undefined`. */
export type Exact<Value> = Value extends object
  ? { [Key in keyof Value]: Exact<Exclude<Value[Key], undefined>> }
  : Value;

/** Parses a part of a request, or throws `INVALID_INPUT`. `what` names the part: "query", "body". */
export function parseRequest<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  what: string,
): Exact<z.output<Schema>> {
  return parseInput(schema, value, what) as Exact<z.output<Schema>>;
}

/** Any JSON object, handed on untouched to a service that validates it; `Value` is what the service takes. */
export function jsonObject<Value extends object = object>() {
  return z.custom<Value>(isJsonObject, "must be a JSON object");
}

function isJsonObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
