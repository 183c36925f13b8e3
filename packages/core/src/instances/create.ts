import type { Actor, ActorOptions } from "../access/actor.ts";
import { notFound } from "../access/not-found.ts";
import type { ServerDefinition } from "../catalog/server-definition.ts";
import type { Provider } from "../contracts/provider.ts";
import { PlatformError } from "../errors.ts";
import { parseInput } from "../input.ts";
import type { Connection } from "../store/database.ts";
import { countInstances, insertInstance, lockOwner } from "../store/instances.ts";
import { lockServer } from "../store/servers.ts";
import { type InstanceDeps, mayApprove } from "./deps.ts";
import { type PreparedEnvironment, prepareEnvironment, sealEnvironment } from "./environment.ts";
import type { Instance } from "./instance.ts";
import { instanceInputSchema, type ParsedInstanceInput } from "./instance-schema.ts";
import { cannotRun, canRun, checkApproval } from "./launch-request.ts";
import { newInstance } from "./new-instance.ts";

/** Everything that was decided before the first write. */
interface Plan {
  readonly instance: Instance;
  readonly environment: PreparedEnvironment;
  /** Who asked; null is the host's own code, for which no limit holds. */
  readonly actorId: string | null;
}

/** Checks everything, then writes the instance, its secrets and its event in one transaction. Starts nothing. */
export async function createInstance(
  deps: InstanceDeps,
  input: unknown,
  options: ActorOptions,
): Promise<Instance> {
  const parsed = parseInput(instanceInputSchema, input, "instance");
  if (options.actor) await deps.rateLimits.consume("instanceCreate", { actor: options.actor });
  const plan = await planInstance(deps, parsed, options.actor);
  await deps.runtime.database.transaction((transaction) => writePlan(deps, plan, transaction));
  await deps.runtime.events.deliver();
  return plan.instance;
}

async function planInstance(
  deps: InstanceDeps,
  input: ParsedInstanceInput,
  actor: Actor | undefined,
): Promise<Plan> {
  const definition = await usableDefinition(deps, input.serverId, actor);
  const ownerId = input.ownerId ?? actor?.id ?? definition.ownerId;
  await deps.access.require(actor, "instance.create", { type: "instance", id: null, ownerId });
  const [providerName, provider] = chooseProvider(deps, input.provider, definition);
  checkApproval(definition, provider);
  const id = deps.runtime.ids();
  const { vault } = deps.runtime;
  const trusted = await mayApprove(deps, definition, actor);
  const environment = prepareEnvironment(
    { definition, provider, vault, trusted },
    id,
    input.environment ?? {},
  );
  const instance = newInstance(deps.runtime.clock.now(), {
    input,
    definition,
    identity: { id, ownerId, provider: providerName },
  });
  return {
    instance: { ...instance, environment: environment.stored },
    environment,
    actorId: actor?.id ?? null,
  };
}

async function usableDefinition(
  deps: InstanceDeps,
  serverId: string,
  actor: Actor | undefined,
): Promise<ServerDefinition> {
  const definition = await deps.runtime.findServer(serverId);
  if (!definition) throw notFound("server", serverId);
  await deps.access.require(actor, "server.read", {
    type: "server",
    id: definition.id,
    ownerId: definition.ownerId,
    visibility: definition.visibility,
  });
  return definition;
}

/** The provider that was named, else the default one, else the first that can run the definition. */
function chooseProvider(
  deps: InstanceDeps,
  wanted: string | undefined,
  definition: ServerDefinition,
): [string, Provider] {
  const { providers } = deps.runtime;
  const name =
    wanted ??
    deps.defaultProvider ??
    [...providers].find(([, provider]) => canRun(provider, definition))?.[0] ??
    providers.keys().next().value;
  const provider = name === undefined ? undefined : providers.get(name);
  if (name === undefined || !provider) throw unknownProvider(name, [...providers.keys()]);
  if (!canRun(provider, definition)) throw cannotRun(definition, name, provider);
  return [name, provider];
}

function unknownProvider(name: string | undefined, known: readonly string[]): PlatformError {
  if (name === undefined) {
    return new PlatformError(
      "NOT_CONFIGURED",
      "No provider is configured. Pass one to createPlatform({ providers }).",
    );
  }
  const message = `There is no provider "${name}". Configured: ${known.join(", ") || "none"}.`;
  return new PlatformError("INVALID_INPUT", message, {
    details: { issues: [{ path: "provider", message }] },
  });
}

async function writePlan(deps: InstanceDeps, plan: Plan, transaction: Connection): Promise<void> {
  const { runtime } = deps;
  const { instance } = plan;
  const { serverId } = instance;
  const definition = serverId && (await lockServer(transaction, runtime.database.dialect, serverId));
  if (!definition) throw notFound("server", serverId ?? "");
  if (plan.actorId !== null) await checkLimit(deps, instance, transaction);
  await insertInstance(transaction, instance);
  await sealEnvironment(runtime.vault, plan.environment.toSeal, {
    ownerId: instance.ownerId,
    instanceId: instance.id,
    actorId: plan.actorId,
    connection: transaction,
  });
  await runtime.events.record(transaction, {
    type: "instance.created",
    ownerId: instance.ownerId,
    subjectId: instance.id,
    data: { instanceId: instance.id, state: instance.state, reason: null, generation: 0 },
  });
}

async function checkLimit(deps: InstanceDeps, instance: Instance, transaction: Connection): Promise<void> {
  const { ownerId, kind } = instance;
  const maximum = deps.limits.instancesPerOwner;
  await lockOwner(transaction, deps.runtime.database.dialect, ownerId);
  if ((await countInstances(transaction, { ownerId, kind })) < maximum) return;
  throw new PlatformError(
    "LIMIT_EXCEEDED",
    `"${ownerId}" has ${maximum} instances, which is the limit (limits.instancesPerOwner). Delete one first.`,
    { details: { limit: "instancesPerOwner", maximum } },
  );
}
