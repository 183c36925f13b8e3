import type { ActorOptions } from "./access/actor.ts";
import type { Access } from "./access/authorize.ts";
import type { PlatformStats } from "./services.ts";
import type { Connection } from "./store/database.ts";
import { countByState } from "./store/instances.ts";
import { countServers } from "./store/servers.ts";
import { countToolCalls } from "./store/tool-calls.ts";

/** Counts over what the actor may see: its own, or everybody's. */
export function createStats(deps: {
  readonly access: Access;
  readonly connection: Connection;
}): (options?: ActorOptions) => Promise<PlatformStats> {
  return async (options = {}) => {
    const ownerId = await deps.access.visibleOwner(options.actor, "instance.read");
    const [servers, instances, toolCalls] = await Promise.all([
      countServers(deps.connection, ownerId),
      countByState(deps.connection, ownerId),
      countToolCalls(deps.connection, ownerId),
    ]);
    return { servers, instances, toolCalls };
  };
}
