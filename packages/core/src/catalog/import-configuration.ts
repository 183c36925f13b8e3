import { z } from "zod";
import type { InputIssue } from "../errors.ts";
import { invalidInput, parseInput } from "../input.ts";
import { readCommand } from "./import-command.ts";
import { type ConfigurationContext, fillDefaults, readVariables } from "./import-placeholders.ts";
import { hasSecretName, isSecretText } from "./import-secrets.ts";
import type { ImportedServer } from "./imported-server.ts";
import type { ServerDefinitionSource, ServerRemoteSource } from "./server-definition.ts";

const MAXIMUM_SERVERS = 100;

const values = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));

const entrySchema = z.looseObject({
  type: z.string().nullish(),
  command: z.string().nullish(),
  args: z.array(z.union([z.string(), z.number(), z.boolean()])).nullish(),
  env: values.nullish(),
  url: z.string().nullish(),
  headers: values.nullish(),
  description: z.string().nullish(),
});

type Entry = z.output<typeof entrySchema>;

const inputsSchema = z
  .array(
    z.object({
      id: z.string(),
      description: z.string().optional(),
      password: z.boolean().optional(),
      default: z.string().optional(),
      options: z.array(z.unknown()).optional(),
    }),
  )
  .nullish();

const KINDS: Readonly<Record<string, "stdio" | "streamable-http" | "sse">> = {
  stdio: "stdio",
  local: "stdio",
  http: "streamable-http",
  "streamable-http": "streamable-http",
  streamablehttp: "streamable-http",
  remote: "streamable-http",
  sse: "sse",
};

/** Members that change what the server is or does, so that leaving them out would run something else. */
const UNSUPPORTED = ["cwd", "envFile", "headersHelper"];
const KNOWN = new Set([...Object.keys(entrySchema.shape), ...UNSUPPORTED]);

/** Every server of an `mcpServers` or `servers` object; `inputs` is that of VS Code. */
export function readConfiguration(
  servers: Readonly<Record<string, unknown>>,
  inputs: unknown,
  member: string,
): readonly ImportedServer[] {
  const entries = Object.entries(servers);
  if (entries.length === 0 || entries.length > MAXIMUM_SERVERS) {
    const message = `must name 1 to ${MAXIMUM_SERVERS} servers`;
    throw invalidInput("import", [{ path: member, message }]);
  }
  const prompts = new Map(
    (parseInput(inputsSchema, inputs, "inputs of the import") ?? []).map((one) => [one.id, one]),
  );
  return entries.map(([name, source]) => {
    const what = `server "${name.slice(0, 100)}" of the import`;
    const entry = parseInput(entrySchema, source, what);
    return { name, definition: readEntry(name, entry, { what, prompts, notes: [] }) };
  });
}

function readEntry(name: string, entry: Entry, context: ConfigurationContext): ServerDefinitionSource {
  const given = UNSUPPORTED.filter((member) => entry[member] !== undefined && entry[member] !== null);
  if (given.length > 0) {
    throw invalidInput(
      context.what,
      given.map((path) => ({ path, message: "is not supported here; remove it first" })),
    );
  }
  const ignored = Object.keys(entry).filter((member) => !KNOWN.has(member));
  if (ignored.length > 0) context.notes.push(`Settings of the client were left out: ${ignored.join(", ")}.`);
  const isCommand = kindOf(entry, context) === "stdio";
  const ways = isCommand
    ? { packages: [readCommand(entry, context)] }
    : { remotes: [readRemote(entry, context)] };
  const id = name.replace(/[^A-Za-z0-9._/-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "");
  return {
    name: id === "" ? "server" : id,
    title: id === name ? null : name,
    description: entry.description || `Server "${name}" of an imported configuration.`,
    ...ways,
    metadata: {
      importedFrom: "configuration",
      ...(context.notes.length > 0 ? { notes: context.notes } : {}),
    },
  };
}

function kindOf(entry: Entry, context: ConfigurationContext): "stdio" | "streamable-http" | "sse" {
  const fallback = entry.command ? "stdio" : "http";
  const type = (entry.type ?? fallback).toLowerCase();
  const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (!kind) {
    throw invalidInput(context.what, [
      { path: "type", message: "must be stdio, http, streamable-http or sse" },
    ]);
  }
  const needed = kind === "stdio" ? "command" : "url";
  if (!entry[needed])
    throw invalidInput(context.what, [{ path: needed, message: `is needed for type ${type}` }]);
  return kind;
}

function readRemote(entry: Entry, context: ConfigurationContext): ServerRemoteSource {
  const type = kindOf(entry, context) === "sse" ? "sse" : "streamable-http";
  const url = fillDefaults(entry.url ?? "", "url", context);
  const issues = secretParameters(url);
  if (issues.length > 0) throw invalidInput(context.what, issues);
  return { type, url, headers: readVariables(entry.headers ?? {}, { ...context, path: "headers" }) };
}

function secretParameters(url: string): readonly InputIssue[] {
  if (!URL.canParse(url)) return [];
  return [...new URL(url).searchParams]
    .filter(([name, value]) => value !== "" && (hasSecretName(name) || isSecretText(value)))
    .map(([name]) => ({
      path: "url",
      message: `holds what looks like a secret in "${name}"; send it in a header`,
    }));
}
