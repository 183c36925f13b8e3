import type { PlatformError } from "../errors.ts";
import { invalidInput } from "../input.ts";
import { readConfiguration } from "./import-configuration.ts";
import { readRegistryServer } from "./import-registry.ts";
import type { ImportedServer } from "./imported-server.ts";
import { isBoundedJson } from "./json-bounds.ts";

const MAXIMUM_LENGTH = 4_194_304;

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads a registry `server.json`, alone or as `{ server }`, or a configuration with `mcpServers` or `servers`. Throws
 * `INVALID_INPUT` for anything else, and naming what cannot be run here. Secrets that such a file holds are
 * left out; `metadata.notes` says which.
 */
export function readImport(source: unknown): readonly ImportedServer[] {
  if (!isBoundedJson(source, MAXIMUM_LENGTH) || !isObject(source)) throw unknownForm();
  if (isObject(source.mcpServers)) return readConfiguration(source.mcpServers, source.inputs, "mcpServers");
  if (isObject(source.servers)) return readConfiguration(source.servers, source.inputs, "servers");
  const server = isObject(source.server) ? source.server : source;
  if (
    typeof server.name === "string" &&
    (server.packages ?? server.remotes ?? server.$schema) !== undefined
  ) {
    return [readRegistryServer(server)];
  }
  throw unknownForm();
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function unknownForm(): PlatformError<"INVALID_INPUT"> {
  return invalidInput("import", [
    {
      path: "",
      message: "give a registry server.json, or a configuration with mcpServers or servers as an object",
    },
  ]);
}
