import { z } from "zod";
import type { InputIssue } from "../errors.ts";
import { invalidInput, parseInput } from "../input.ts";
import {
  fillTemplate,
  type Notes,
  type RegistryInput,
  readArguments,
  readKeyValue,
  registryInputSchema,
} from "./import-registry-inputs.ts";
import { hasSecretName } from "./import-secrets.ts";
import type { ImportedServer } from "./imported-server.ts";
import type { ServerPackageSource, ServerRemoteSource } from "./server-definition.ts";

const keyValue = registryInputSchema.extend({ name: z.string() });
const argument = registryInputSchema.extend({
  type: z.enum(["positional", "named"]),
  name: z.string().optional(),
  valueHint: z.string().optional(),
  isRepeated: z.boolean().optional(),
});
const kinds = z.enum(["stdio", "streamable-http", "sse"]);

/** What is read of the registry's schema of 2025-12-11. Other members are passed over: later revisions add some. */
const serverSchema = z.object({
  name: z.string(),
  title: z.string().nullish(),
  description: z.string(),
  version: z.string().nullish(),
  websiteUrl: z.string().nullish(),
  repository: z.object({ url: z.string() }).partial().nullish(),
  packages: z
    .array(
      z.object({
        registryType: z.string(),
        registryBaseUrl: z.string().nullish(),
        identifier: z.string(),
        version: z.string().nullish(),
        fileSha256: z.string().nullish(),
        runtimeHint: z.string().nullish(),
        runtimeArguments: z.array(argument).nullish(),
        packageArguments: z.array(argument).nullish(),
        environmentVariables: z.array(keyValue).nullish(),
        transport: z.object({ type: kinds, url: z.string().optional() }).default({ type: "stdio" }),
      }),
    )
    .nullish(),
  remotes: z
    .array(
      z.object({
        type: kinds.exclude(["stdio"]),
        url: z.string(),
        headers: z.array(keyValue).nullish(),
        variables: z.record(z.string(), registryInputSchema).nullish(),
      }),
    )
    .nullish(),
});

type RegistryServer = z.output<typeof serverSchema>;
type RegistryPackage = NonNullable<RegistryServer["packages"]>[number];
type RegistryRemote = NonNullable<RegistryServer["remotes"]>[number];

const RUNNABLE = ["npm", "pypi", "oci"] as const;

/** Hosts of the public registries; a package of another one would be fetched from the wrong place. */
const PUBLIC_REGISTRIES: Readonly<Record<(typeof RUNNABLE)[number], RegExp>> = {
  npm: /^https:\/\/registry\.npmjs\.org\/?$/,
  pypi: /^https:\/\/pypi\.org(\/simple)?\/?$/,
  oci: /^https:\/\/[a-z0-9.-]+\/?$/,
};

/** Switches of launchers that the platform sets by itself. */
const IMPLIED_SWITCHES = new Set(["-y", "--yes", "-i", "--interactive", "--rm", "--init", "run"]);

/** One `server.json` of the MCP registry as a definition. Packages that cannot be run here are left out while another way remains. */
export function readRegistryServer(source: unknown): ImportedServer {
  const server = parseInput(serverSchema, source, "server.json");
  const notes: string[] = [];
  const unsupported: InputIssue[] = [];
  const packages = (server.packages ?? []).flatMap((candidate, index) => {
    const path = `packages.${index}`;
    const type = RUNNABLE.find((known) => known === candidate.registryType);
    if (type) return [readPackage(candidate, { type, path, notes })];
    const message = `"${candidate.registryType}" packages cannot be run here, only ${RUNNABLE.join(", ")}`;
    unsupported.push({ path: `${path}.registryType`, message });
    return [];
  });
  const remotes = (server.remotes ?? []).map((remote, index) =>
    readRemote(remote, `remotes.${index}`, notes),
  );
  if (packages.length + remotes.length === 0 && unsupported.length > 0)
    throw invalidInput("server.json", unsupported);
  notes.push(...unsupported.map(({ path, message }) => `${path} was left out: ${message}.`));
  const { name, title = null, description, version = null } = server;
  return {
    name,
    definition: { name, title, description, version, packages, remotes, metadata: metadataOf(server, notes) },
  };
}

function metadataOf(
  { websiteUrl, repository }: RegistryServer,
  notes: readonly string[],
): Record<string, unknown> {
  return {
    importedFrom: "server.json",
    ...(websiteUrl ? { websiteUrl } : {}),
    ...(repository ? { repository } : {}),
    ...(notes.length > 0 ? { notes } : {}),
  };
}

interface Place {
  readonly type: (typeof RUNNABLE)[number];
  readonly path: string;
  readonly notes: Notes;
}

function readPackage(candidate: RegistryPackage, place: Place): ServerPackageSource {
  const { path, notes, type } = place;
  checkLauncher(candidate, place);
  const { url } = candidate.transport;
  if (url !== undefined)
    notes.push(`${path}.transport.url was left out: the provider decides on the address.`);
  if (candidate.fileSha256)
    notes.push(`${path}.fileSha256 was left out: the package runner does not check it.`);
  const version = candidate.version ?? undefined;
  return {
    registryType: type,
    identifier: type === "oci" ? imageOf(candidate) : candidate.identifier,
    ...(version === undefined || type === "oci" ? {} : { version }),
    args: readArguments(candidate.packageArguments ?? [], { path: `${path}.packageArguments`, notes }),
    transport: { type: candidate.transport.type },
    environmentVariables: (candidate.environmentVariables ?? []).map((variable, index) =>
      readKeyValue(variable, { path: `${path}.environmentVariables.${index}`, notes }),
    ),
  };
}

function checkLauncher(candidate: RegistryPackage, { path, type }: Place): void {
  const issues = (candidate.runtimeArguments ?? []).flatMap((runtime, index): InputIssue[] => {
    const given = runtime.name ?? runtime.value ?? "";
    if (IMPLIED_SWITCHES.has(given)) return [];
    return [
      { path: `${path}.runtimeArguments.${index}`, message: "arguments of the launcher are not supported" },
    ];
  });
  const base = candidate.registryBaseUrl;
  if (base && !PUBLIC_REGISTRIES[type].test(base)) {
    issues.push({ path: `${path}.registryBaseUrl`, message: `is not the public ${type} registry` });
  }
  if (issues.length > 0) throw invalidInput("server.json", issues);
}

/** Older files keep registry, image and tag apart; the newer ones have them in the identifier. */
function imageOf({ identifier, version, registryBaseUrl }: RegistryPackage): string {
  const [first = "", ...rest] = identifier.split("/");
  const hasHost = rest.length > 0 && /[.:]|^localhost$/.test(first);
  const host = registryBaseUrl ? new URL(registryBaseUrl).host : "docker.io";
  const image = hasHost || host === "docker.io" ? identifier : `${host}/${identifier}`;
  const hasTag = /[:@]/.test(identifier.slice(identifier.lastIndexOf("/") + 1));
  return hasTag || !version ? image : `${image}:${version}`;
}

function readRemote(remote: RegistryRemote, path: string, notes: Notes): ServerRemoteSource {
  const variables: Readonly<Record<string, RegistryInput>> = remote.variables ?? {};
  const { text, missing } = fillTemplate(remote.url, variables);
  if (text === undefined) {
    const message = `has placeholders without a value: ${missing.join(", ")}; give each a value or a default`;
    throw invalidInput("server.json", [{ path: `${path}.url`, message }]);
  }
  const headers = (remote.headers ?? []).map((header, index) =>
    readKeyValue(header, { path: `${path}.headers.${index}`, notes, isSecret: hasSecretName(header.name) }),
  );
  return { type: remote.type, url: text, headers };
}
