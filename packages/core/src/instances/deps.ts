import type { Actor } from "../access/actor.ts";
import type { AuditWriter } from "../access/audit.ts";
import type { Access, Action } from "../access/authorize.ts";
import type { RateLimits } from "../access/limits.ts";
import { notFound } from "../access/not-found.ts";
import type { Tokens } from "../access/tokens.ts";
import type { ServerDefinition } from "../catalog/server-definition.ts";
import type { PlatformLimits } from "../platform-types.ts";
import type { InstancePatch } from "../store/instance-rows.ts";
import { findInstance, lockInstance, updateInstance } from "../store/instances.ts";
import type { ActivityLog } from "./activity.ts";
import type { Instance } from "./instance.ts";
import type { Reconciler } from "./reconcile.ts";
import type { InstanceRuntime } from "./runtime.ts";

/** What the operations on instances work with. */
export interface InstanceDeps {
  readonly runtime: InstanceRuntime;
  readonly reconciler: Reconciler;
  readonly activity: ActivityLog;
  readonly access: Access;
  readonly audit: AuditWriter;
  readonly rateLimits: RateLimits;
  readonly tokens: Tokens;
  readonly limits: PlatformLimits;
  readonly defaultProvider: string | undefined;
}

/** The instance, if this actor may do this with it; the error of an unknown id if it may not even know of it. */
export async function permitted(
  deps: Pick<InstanceDeps, "runtime" | "access">,
  instanceId: string,
  ask: { readonly actor?: Actor | undefined; readonly action: Action },
): Promise<Instance> {
  const instance = await findInstance(deps.runtime.database.connection, instanceId);
  if (!instance || instance.deletedAt !== null || instance.desired === "deleted") {
    throw notFound("instance", instanceId);
  }
  await deps.access.require(ask.actor, ask.action, {
    type: "instance",
    id: instance.id,
    ownerId: instance.ownerId,
  });
  return instance;
}

/** Writes a patch made from the row as it is at that moment; concurrent writers wait for each other. */
export function rewrite(
  deps: Pick<InstanceDeps, "runtime">,
  instanceId: string,
  patch: (instance: Instance) => InstancePatch,
): Promise<Instance> {
  const { database } = deps.runtime;
  return database.transaction(async (transaction) => {
    const instance = await lockInstance(transaction, database.dialect, instanceId);
    const written =
      instance?.deletedAt === null && (await updateInstance(transaction, instance, patch(instance)));
    if (written) return written;
    throw notFound("instance", instanceId);
  });
}

/** Writes down that an actor, or the host's own code, did this. */
export function audited(
  deps: Pick<InstanceDeps, "audit">,
  instance: Instance,
  wanted: { readonly actor?: Actor | undefined; readonly action: Action },
): Promise<void> {
  return deps.audit.record({
    actorId: wanted.actor?.id ?? null,
    ownerId: instance.ownerId,
    action: wanted.action,
    subjectType: "instance",
    subjectId: instance.id,
    outcome: "allowed",
  });
}

/** Whether this caller could approve the definition, and so may set variables that an approval did not cover. */
export function mayApprove(
  deps: Pick<InstanceDeps, "access">,
  { id, ownerId, visibility }: ServerDefinition,
  actor: Actor | undefined,
): Promise<boolean> {
  return deps.access.allows(actor, "server.approve", { type: "server", id, ownerId, visibility });
}
