import type { Actor } from "./access/actor.ts";
import type { McpProxy, ProxyCallOptions } from "./contracts/proxy.ts";
import { PlatformError } from "./errors.ts";
import { type InstanceDeps, permitted } from "./instances/deps.ts";
import type { Instance } from "./instances/instance.ts";
import type { Tools } from "./services.ts";
import { listToolCalls } from "./store/tool-calls.ts";

/** What the operations on tools work with. */
export interface ToolDeps extends Pick<InstanceDeps, "runtime" | "access" | "reconciler"> {
  readonly proxy: McpProxy | undefined;
}

/** The tools of running instances, behind the same rights at every door. */
export function createTools(deps: ToolDeps): Tools {
  return {
    list: async (id, options) => (await callable(deps, id, options)).listTools(id, options),
    listResources: async (id, options) => (await callable(deps, id, options)).listResources(id, options),
    listPrompts: async (id, options) => (await callable(deps, id, options)).listPrompts(id, options),
    call: async (id, call, options) => {
      const proxy = await callable(deps, id, options);
      return proxy.callTool({ instanceId: id, ...call }, options);
    },
    history: async (query = {}, options = {}) => {
      const ownerId = await deps.access.visibleOwner(options.actor, "instance.read", query.ownerId);
      await deps.proxy?.flush();
      const { ownerId: _, ...rest } = query;
      const { connection } = deps.runtime.database;
      return listToolCalls(connection, ownerId === undefined ? rest : { ...rest, ownerId });
    },
    handle: async (request, target) => {
      const proxy = await callable(deps, target.instanceId, { actor: target.actor });
      return proxy.handle(request, target);
    },
  };
}

/** The proxy, once it is sure that this actor may call the instance. A running one costs no query. */
async function callable(
  deps: ToolDeps,
  instanceId: string,
  options: ProxyCallOptions = {},
): Promise<McpProxy> {
  if (!deps.proxy) {
    throw new PlatformError(
      "NOT_CONFIGURED",
      "Tools need a proxy. Pass proxy() to createPlatform({ proxy }).",
    );
  }
  const running = deps.reconciler.running(instanceId);
  if (running) await checkRunning(deps, running, options.actor);
  else await permitted(deps, instanceId, { actor: options.actor, action: "instance.call" });
  return deps.proxy;
}

function checkRunning(deps: ToolDeps, instance: Instance, actor: Actor | undefined): Promise<void> {
  const { id, ownerId } = instance;
  return deps.access.require(actor, "instance.call", { type: "instance", id, ownerId });
}
