import { withDefaults } from "../catalog/environment.ts";
import type { ServerDefinition, ServerPackage } from "../catalog/server-definition.ts";
import type { LaunchRequest, Provider, Runtime } from "../contracts/provider.ts";
import type { ResolvedEnvironment, Vault } from "../contracts/vault.ts";
import { PlatformError } from "../errors.ts";
import type { Instance } from "./instance.ts";

const REFERENCE = /^secret(_ref)?:/;

/** The package of the definition that this provider runs: the first that fits; undefined where only a remote does. */
export function packageFor(
  definition: ServerDefinition,
  provider: Pick<Provider, "runtimes">,
): ServerPackage | undefined {
  return definition.packages.find((candidate) => provider.runtimes.includes(candidate.registryType));
}

/** Whether the provider can run any form of the definition. */
export function canRun(provider: Pick<Provider, "runtimes">, definition: ServerDefinition): boolean {
  if (packageFor(definition, provider)) return true;
  return provider.runtimes.includes("remote") && definition.remotes.length > 0;
}

/** The variables that apply when this provider runs the definition. */
export function variablesFor(definition: ServerDefinition, provider: Pick<Provider, "runtimes">) {
  return packageFor(definition, provider)?.environmentVariables ?? definition.remotes[0]?.headers ?? [];
}

function runtimeFor(definition: ServerDefinition, provider: Provider, instance: Instance): Runtime {
  const chosen = packageFor(definition, provider);
  if (chosen) {
    return {
      type: chosen.registryType,
      transport: chosen.transport.type,
      args: chosen.args,
      ...(chosen.command === undefined ? {} : { command: chosen.command }),
      ...(chosen.identifier === undefined ? {} : { identifier: chosen.identifier }),
      ...(chosen.version === undefined ? {} : { version: chosen.version }),
    };
  }
  const remote = provider.runtimes.includes("remote") ? definition.remotes[0] : undefined;
  if (remote) return { type: "remote", transport: remote.type, args: [], url: remote.url };
  throw cannotRun(definition, instance.provider, provider);
}

/** The error for a definition without any form that the provider runs. */
export function cannotRun(
  definition: ServerDefinition,
  providerName: string,
  provider: Pick<Provider, "runtimes">,
): PlatformError {
  const offered = [
    ...definition.packages.map((one) => one.registryType),
    ...(definition.remotes.length ? ["remote"] : []),
  ];
  return new PlatformError(
    "UNSUPPORTED",
    `Provider "${providerName}" runs ${provider.runtimes.join(", ")}, but server definition "${definition.name}" ` +
      `offers ${offered.join(", ")}. Choose another provider, or add a package it runs.`,
  );
}

/** Throws `NOT_APPROVED` where the provider would run this definition on the host and nobody allowed that. */
export function checkApproval(definition: ServerDefinition, provider: Provider): void {
  const { approval } = definition;
  if (!provider.runsCodeOnHost || approval.status !== "pending") return;
  throw new PlatformError(
    "NOT_APPROVED",
    `Server definition "${definition.name}" would run ${approval.commands.join("; ")} on this host and is not approved. ` +
      `Somebody with "server.approve" must approve hash ${approval.hash}.`,
    { details: { serverId: definition.id, hash: approval.hash, commands: approval.commands } },
  );
}

async function openReferences(
  vault: Vault | undefined,
  instance: Instance,
  environment: Record<string, string>,
): Promise<ResolvedEnvironment> {
  const { id: instanceId, ownerId, serverId } = instance;
  if (vault) return vault.resolve({ ownerId, instanceId, serverId, environment });
  const named = Object.entries(environment).find(([, value]) => REFERENCE.test(value));
  if (!named) return { values: environment, secretNames: [] };
  throw new PlatformError(
    "NOT_CONFIGURED",
    `Variable ${named[0]} of instance "${instance.id}" refers to a secret, but there is no vault. ` +
      "Pass vault({ keys }) to createPlatform().",
  );
}

/** Everything the provider needs for this run, secrets resolved: it lives in memory only, and not for long. */
export async function buildLaunchRequest(
  parts: { readonly vault: Vault | undefined; readonly provider: Provider },
  instance: Instance,
  definition: ServerDefinition,
): Promise<LaunchRequest> {
  checkApproval(definition, parts.provider);
  const runtime = runtimeFor(definition, parts.provider, instance);
  const variables = variablesFor(definition, parts.provider);
  const { values, secretNames } = await openReferences(
    parts.vault,
    instance,
    withDefaults(variables, instance.environment),
  );
  const secretVariables = variables.filter(({ isSecret }) => isSecret).map(({ name }) => name);
  const own = instance.providerOptions?.[instance.provider];
  return {
    instanceId: instance.id,
    generation: instance.generation,
    ownerId: instance.ownerId,
    runtime: runtime.type === "remote" ? { ...runtime, headers: values } : runtime,
    environment: runtime.type === "remote" ? {} : values,
    // A secret variable's default, which is no reference, is one all the same.
    secretNames: [
      ...new Set([...secretNames, ...secretVariables.filter((name) => Object.hasOwn(values, name))]),
    ],
    secretDelivery: instance.secretDelivery,
    ...(definition.resources === null ? {} : { resources: definition.resources }),
    ...(own === undefined ? {} : { providerOptions: own }),
  };
}

/** The values of a request that nobody but the server may see, whether they are variables or headers. */
export function secretValuesOf(request: LaunchRequest): readonly string[] {
  const given = { ...request.runtime.headers, ...request.environment };
  return (request.secretNames ?? Object.keys(given)).flatMap((name) => given[name] ?? []);
}
