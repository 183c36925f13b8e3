import { z } from "zod";
import { serverDefinitionSchema } from "../catalog/definition-schema.ts";

/** A JSON schema as it stands in the OpenAPI document. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const { $schema: _, ...input } = z.toJSONSchema(serverDefinitionSchema, {
  io: "input",
  unrepresentable: "any",
});
const { required: __, ...changes } = input;

/** What `POST /servers` takes: the catalog's own schema, defaults and older spellings included. */
export const serverInput: JsonSchema = input;

/** What `PATCH /servers/:id` takes: the same members, none of them required, and none with a default. */
export const serverChanges: JsonSchema = {
  ...changes,
  properties: Object.fromEntries(
    Object.entries(input.properties ?? {}).map(([name, schema]) => [name, withoutDefault(schema)] as const),
  ),
};

function withoutDefault(schema: unknown): unknown {
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== "default"));
}
