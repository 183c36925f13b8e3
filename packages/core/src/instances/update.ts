import type { Actor, ActorOptions } from "../access/actor.ts";
import { notFound } from "../access/not-found.ts";
import { isoTime } from "../clock.ts";
import { PlatformError } from "../errors.ts";
import { parseInput } from "../input.ts";
import type { InstancePatch } from "../store/instance-rows.ts";
import { updateInstance } from "../store/instances.ts";
import { type InstanceDeps, mayApprove, permitted } from "./deps.ts";
import { type PreparedEnvironment, prepareEnvironment, sealEnvironment } from "./environment.ts";
import type { Instance } from "./instance.ts";
import { instanceChangesSchema, type ParsedInstanceChanges } from "./instance-schema.ts";
import { providerOf } from "./runtime.ts";

/** Changes what an owner may change. What runs keeps its environment until it is restarted. */
export async function updateSettings(
  deps: InstanceDeps,
  instanceId: string,
  request: { readonly changes: unknown; readonly options: ActorOptions },
): Promise<Instance> {
  const changes = parseInput(instanceChangesSchema, request.changes, "instance change");
  const { actor } = request.options;
  const instance = await permitted(deps, instanceId, { actor, action: "instance.update" });
  const environment = changes.environment
    ? await prepare(deps, instance, { given: changes.environment, actor })
    : undefined;
  const written = await write(deps, instance, { changes, environment, actorId: actor?.id ?? null });
  await deps.audit.record({
    actorId: actor?.id ?? null,
    ownerId: instance.ownerId,
    action: "instance.update",
    subjectType: "instance",
    subjectId: instance.id,
    outcome: "allowed",
    details: { members: Object.keys(changes) },
  });
  return changes.enabled === undefined ? written : deps.reconciler.reconcile(instanceId);
}

async function prepare(
  deps: InstanceDeps,
  instance: Instance,
  { given, actor }: { readonly given: Readonly<Record<string, string>>; readonly actor: Actor | undefined },
): Promise<PreparedEnvironment> {
  const { runtime } = deps;
  const definition = instance.serverId === null ? undefined : await runtime.findServer(instance.serverId);
  if (!definition) throw notFound("server", instance.serverId ?? "");
  const provider = providerOf(runtime, instance);
  const trusted = await mayApprove(deps, definition, actor);
  return prepareEnvironment({ definition, provider, vault: runtime.vault, trusted }, instance.id, given);
}

interface Wanted {
  readonly changes: ParsedInstanceChanges;
  readonly environment: PreparedEnvironment | undefined;
  readonly actorId: string | null;
}

async function write(deps: InstanceDeps, instance: Instance, wanted: Wanted): Promise<Instance> {
  const { runtime } = deps;
  const patch = patchOf(deps, instance, wanted);
  const written = await runtime.database.transaction(async (transaction) => {
    await sealEnvironment(runtime.vault, wanted.environment?.toSeal ?? {}, {
      ownerId: instance.ownerId,
      instanceId: instance.id,
      actorId: wanted.actorId,
      connection: transaction,
    });
    const updated = await updateInstance(transaction, instance, patch);
    if (updated) return updated;
    throw new PlatformError(
      "CONFLICT",
      `Instance "${instance.id}" was changed by somebody else. Read it again.`,
    );
  });
  await runtime.events.deliver();
  return written;
}

function patchOf(deps: InstanceDeps, instance: Instance, wanted: Wanted): InstancePatch {
  const { environment: _, ...changes } = wanted.changes;
  const now = deps.runtime.clock.now();
  const { ttlSeconds, idleSeconds, enabled } = changes;
  const at = (seconds: number | null) => (seconds === null ? null : isoTime(now + seconds * 1000));
  const idles = idleSeconds !== undefined && instance.state === "running";
  return {
    ...(Object.fromEntries(
      Object.entries(changes).filter(([, value]) => value !== undefined),
    ) as InstancePatch),
    ...(wanted.environment ? { environment: wanted.environment.stored } : {}),
    ...(ttlSeconds === undefined ? {} : { expiresAt: at(ttlSeconds) }),
    ...(idles ? { autoStopAt: at(idleSeconds) } : {}),
    ...(enabled === undefined
      ? {}
      : { desired: enabled ? "running" : "stopped", reason: enabled ? null : "requested" }),
    updatedAt: isoTime(now),
  };
}
