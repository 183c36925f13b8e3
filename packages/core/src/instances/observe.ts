import type { ActorOptions } from "../access/actor.ts";
import type { LogLine, LogQuery, ResourceStats } from "../contracts/provider.ts";
import { PlatformError } from "../errors.ts";
import { type InstanceDeps, permitted } from "./deps.ts";
import type { Instance } from "./instance.ts";
import { providerOf } from "./runtime.ts";

/** The newest lines an instance wrote, oldest first; none where it never ran. */
export async function readLogs(
  deps: InstanceDeps,
  instanceId: string,
  request: { readonly query: LogQuery | undefined; readonly options: ActorOptions | undefined },
): Promise<readonly LogLine[]> {
  const instance = await permitted(deps, instanceId, {
    actor: request.options?.actor,
    action: "instance.read",
  });
  const provider = providerOf(deps.runtime, instance);
  if (!provider.logs) throw lacks(instance, "logs");
  if (instance.resourceId === null) return [];
  const lines = await provider.logs(instance.resourceId, request.query);
  // A provider scrubs them itself; this is for the day that one forgets to.
  return deps.runtime.secretsInUse.redact(instance.id, lines);
}

/** What an instance uses right now. Throws `INSTANCE_NOT_RUNNING` where nothing runs. */
export async function readStats(
  deps: InstanceDeps,
  instanceId: string,
  options: ActorOptions | undefined,
): Promise<ResourceStats> {
  const instance = await permitted(deps, instanceId, { actor: options?.actor, action: "instance.read" });
  const provider = providerOf(deps.runtime, instance);
  if (!provider.stats) throw lacks(instance, "statistics");
  if (instance.resourceId === null || instance.state !== "running") {
    throw new PlatformError(
      "INSTANCE_NOT_RUNNING",
      `Instance "${instanceId}" is ${instance.state}. Start it first.`,
    );
  }
  return provider.stats(instance.resourceId);
}

function lacks(instance: Instance, what: string): PlatformError {
  return new PlatformError(
    "UNSUPPORTED",
    `Provider "${instance.provider}" of instance "${instance.id}" has no ${what}.`,
  );
}
