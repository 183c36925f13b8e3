import type { ActorOptions } from "../access/actor.ts";
import type { Action } from "../access/authorize.ts";
import { isoTime } from "../clock.ts";
import { PlatformError } from "../errors.ts";
import type { Instances } from "../services.ts";
import type { InstancePatch } from "../store/instance-rows.ts";
import { listInstances } from "../store/instances.ts";
import { usedAt } from "./activity.ts";
import { createInstance } from "./create.ts";
import { audited, type InstanceDeps, permitted, rewrite } from "./deps.ts";
import type { Instance, StateReason } from "./instance.ts";
import { readLogs, readStats } from "./observe.ts";
import { createToken, revokeTokens } from "./tokens.ts";
import { updateSettings } from "./update.ts";

/** The operations on instances. Each writes what is wanted and lets the reconciler bring it about. */
export function createInstances(deps: InstanceDeps): Instances {
  return {
    create: (input, options = {}) => create(deps, input, options),
    get: (id, options) => permitted(deps, id, { actor: options?.actor, action: "instance.read" }),
    list: async (query = {}, options = {}) => {
      const ownerId = await deps.access.visibleOwner(options.actor, "instance.read", query.ownerId);
      const { ownerId: _, ...rest } = query;
      return listInstances(
        deps.runtime.database.connection,
        ownerId === undefined ? rest : { ...rest, ownerId },
      );
    },
    update: (id, changes, options = {}) => updateSettings(deps, id, { changes, options }),
    start: (id, options = {}) =>
      act(deps, id, { ...options, action: "instance.start", patch: toStart(deps) }),
    stop: (id, options = {}) => act(deps, id, { ...options, action: "instance.stop", patch: toStop }),
    restart: (id, options = {}) => restart(deps, id, options),
    restore: (id, options = {}) => restore(deps, id, options),
    touch: (id, options = {}) => touch(deps, id, options),
    remove: async (id, options = {}) => {
      await act(deps, id, { ...options, action: "instance.remove", patch: () => ({ desired: "deleted" }) });
      deps.activity.forget(id);
    },
    logs: (id, query, options) => readLogs(deps, id, { query, options }),
    stats: (id, options) => readStats(deps, id, options),
    createToken: (id, input, options) => createToken(deps, id, { input, options }),
    revokeTokens: (id, input, options) => revokeTokens(deps, id, { input, options }),
  };
}

async function create(
  deps: InstanceDeps,
  input: unknown,
  options: ActorOptions & { readonly wait?: boolean },
): Promise<Instance> {
  const created = await createInstance(deps, input, options);
  await audited(deps, created, { ...options, action: "instance.create" });
  if (!created.enabled) return created;
  const started = deps.reconciler.reconcile(created.id, options);
  if (options.wait !== false) return running(await started);
  started.catch((error: unknown) => {
    deps.runtime.logger.warn({ error, instanceId: created.id }, "An instance did not start.");
  });
  return created;
}

/** A start that ended otherwise, because somebody wanted something else meanwhile or it failed for another caller. */
function running(instance: Instance): Instance {
  if (instance.state !== "failed" || !instance.error) return instance;
  throw new PlatformError(instance.error.code, instance.error.message);
}

interface Act extends ActorOptions {
  readonly action: Action;
  readonly patch: (instance: Instance) => InstancePatch;
}

async function act(deps: InstanceDeps, id: string, wanted: Act): Promise<Instance> {
  await permitted(deps, id, wanted);
  const asked = await rewrite(deps, id, (instance) => ({
    ...wanted.patch(instance),
    updatedAt: isoTime(deps.runtime.clock.now()),
  }));
  await audited(deps, asked, wanted);
  const settled = await deps.reconciler.reconcile(id, wanted);
  return wanted.action === "instance.start" ? running(settled) : settled;
}

/** A start that somebody asks for forgets earlier crashes, and gives an expired instance its time again. */
function toStart(deps: InstanceDeps): (instance: Instance) => InstancePatch {
  return ({ ttlSeconds, expiresAt }) => {
    const now = deps.runtime.clock.now();
    const expired = expiresAt !== null && expiresAt <= isoTime(now) && ttlSeconds !== null;
    return {
      desired: "running",
      reason: null,
      restartCount: 0,
      nextAttemptAt: null,
      ...(expired ? { expiresAt: isoTime(now + ttlSeconds * 1000) } : {}),
    };
  };
}

function toStop(): InstancePatch {
  return { desired: "stopped", reason: "requested", nextAttemptAt: null };
}

async function restart(deps: InstanceDeps, id: string, options: ActorOptions): Promise<Instance> {
  await act(deps, id, { ...options, action: "instance.stop", patch: toStop });
  return act(deps, id, { ...options, action: "instance.start", patch: toStart(deps) });
}

const RESTORABLE: readonly (StateReason | null)[] = [
  "expired",
  "idle",
  "crashed",
  "crash_loop",
  "launch_failed",
  "limit",
  "host_lost",
];

async function restore(deps: InstanceDeps, id: string, options: ActorOptions): Promise<Instance> {
  const instance = await permitted(deps, id, { ...options, action: "instance.start" });
  const lost = instance.state !== "running" && RESTORABLE.includes(instance.reason);
  if (lost) return act(deps, id, { ...options, action: "instance.start", patch: toStart(deps) });
  throw new PlatformError(
    "CONFLICT",
    `Instance "${id}" is ${instance.state} (${instance.reason ?? "no reason"}), so there is nothing to restore. Start it instead.`,
  );
}

async function touch(deps: InstanceDeps, id: string, options: ActorOptions): Promise<Instance> {
  await permitted(deps, id, { ...options, action: "instance.call" });
  return rewrite(deps, id, (instance) => usedAt(instance, deps.runtime.clock.now()));
}
