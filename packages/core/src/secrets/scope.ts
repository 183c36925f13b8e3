import type { Actor } from "../access/actor.ts";
import type { Access } from "../access/authorize.ts";
import { notFound } from "../access/not-found.ts";
import type { EnvironmentVariable, ServerDefinition } from "../catalog/server-definition.ts";
import { valueProblem } from "../catalog/variable-values.ts";
import type { SecretAddress } from "../contracts/vault.ts";
import { invalidInput } from "../input.ts";
import type { Instance } from "../instances/instance.ts";
import { variablesFor } from "../instances/launch-request.ts";
import type { InstanceRuntime } from "../instances/runtime.ts";
import { findInstance } from "../store/instances.ts";

/** What it takes to look at the instance or the server definition that a secret belongs to. */
export interface ScopeDeps {
  readonly access: Access;
  readonly runtime: InstanceRuntime;
}

/** The instance, if it exists and is this owner's. Otherwise throws the `NOT_FOUND` of an id that does not exist. */
export async function ownedInstance(deps: ScopeDeps, id: string, ownerId: string): Promise<Instance> {
  const instance = await findInstance(deps.runtime.database.connection, id);
  const exists = instance?.deletedAt === null && instance.desired !== "deleted";
  if (instance && exists && instance.ownerId === ownerId) return instance;
  throw notFound("instance", id);
}

async function readableServer(
  { access, runtime }: ScopeDeps,
  serverId: string,
  actor: Actor | undefined,
): Promise<ServerDefinition> {
  const server = await runtime.findServer(serverId);
  if (!server) throw notFound("server", serverId);
  const { id, ownerId, visibility } = server;
  await access.require(actor, "server.read", { type: "server", id, ownerId, visibility });
  return server;
}

/**
 * The variables that are declared where the secret belongs; none for an owner's secret. Throws `NOT_FOUND` for an instance that
 * is not the owner's, and for a server definition that the actor may not read.
 */
export async function declaredVariables(
  deps: ScopeDeps,
  { scope, ownerId }: SecretAddress,
  actor: Actor | undefined,
): Promise<readonly EnvironmentVariable[]> {
  const { kind, id = "" } = scope;
  if (kind === "server") return allVariables(await readableServer(deps, id, actor));
  if (kind === "owner") return [];
  const { serverId, provider: name } = await ownedInstance(deps, id, ownerId);
  const definition = serverId === null ? undefined : await deps.runtime.findServer(serverId);
  if (!definition) return [];
  const provider = deps.runtime.providers.get(name);
  return provider ? variablesFor(definition, provider) : allVariables(definition);
}

/** Which provider will run it is not known here. */
function allVariables({ packages, remotes }: ServerDefinition): readonly EnvironmentVariable[] {
  return [
    ...packages.flatMap(({ environmentVariables }) => environmentVariables),
    ...remotes.flatMap(({ headers }) => headers),
  ];
}

/** Throws `INVALID_INPUT`, naming the variable and never the value, where every declaration of that name refuses the value. */
export function checkSecretValue(
  variables: readonly EnvironmentVariable[],
  { name, value }: { readonly name: string; readonly value: string },
): void {
  const problems = variables
    .filter((variable) => variable.name === name)
    .map((variable) => valueProblem(variable, value));
  const [problem] = problems;
  if (problem === undefined || problems.includes(undefined)) return;
  throw invalidInput("secret", [{ path: "value", message: `of the variable ${name} ${problem}` }]);
}
