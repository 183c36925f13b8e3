import { isoTime } from "../clock.ts";
import type { Provider, Resource } from "../contracts/provider.ts";
import { isGone, readIdentity } from "../host-identity.ts";
import { dropClaims, findStranded, keepHost, otherHosts, removeHost } from "../store/hosts.ts";
import { findInstance, updateInstance } from "../store/instances.ts";
import { closeInterval } from "../store/usage.ts";
import type { Instance } from "./instance.ts";
import { stateEvent } from "./move.ts";
import type { InstanceRuntime } from "./runtime.ts";

const HOST_LEASE_MS = 15_000;

/** Says that this replica lives, now and every few seconds. Returns the way to stop saying so. */
export async function announceHost(runtime: InstanceRuntime): Promise<() => Promise<void>> {
  const { database, clock, hostId, logger } = runtime;
  const started_at = isoTime(clock.now());
  const identity = await readIdentity(process.pid);
  const keep = () => keepHost(database, { id: hostId, ...identity, started_at }, HOST_LEASE_MS);
  await keep();
  let cancel = () => {};
  let keeping: Promise<void> = Promise.resolve();
  const arm = () => {
    cancel = clock.setTimer(() => {
      keeping = keep().catch((error: unknown) =>
        logger.warn({ error }, "The host's lease could not be extended."),
      );
      arm();
    }, HOST_LEASE_MS / 3);
  };
  arm();
  return async () => {
    cancel();
    await keeping;
    await removeHost(database.connection, hostId);
  };
}

/**
 * Undoes what dead replicas left: their processes are ended, their rows are freed, so that reconciliation
 * can start what should run. Rows of replicas that live are not touched.
 */
export async function recover(runtime: InstanceRuntime): Promise<void> {
  await endOrphans(runtime);
  const gone = await goneHosts(runtime);
  const { connection } = runtime.database;
  await dropClaims(connection, gone);
  for (const instance of await findStranded(connection, gone)) await free(runtime, instance);
  for (const hostId of gone) await removeHost(connection, hostId);
  await runtime.events.deliver();
}

async function goneHosts(runtime: InstanceRuntime): Promise<readonly string[]> {
  const hosts = await otherHosts(runtime.database, runtime.hostId);
  const verdicts = await Promise.all(hosts.map(async (host) => host.expired || (await isGone(host))));
  return hosts.filter((_, index) => verdicts[index]).map((host) => host.id);
}

async function endOrphans(runtime: InstanceRuntime): Promise<void> {
  for (const [name, provider] of runtime.providers) {
    const resources = (await provider.list?.()) ?? [];
    const orphans = resources.filter((resource) => resource.state === "orphaned");
    const ends = await Promise.allSettled(orphans.map((orphan) => endOrphan(runtime, provider, orphan)));
    for (const end of ends) {
      if (end.status === "fulfilled") continue;
      runtime.logger.warn({ error: end.reason, provider: name }, "An orphaned resource could not be ended.");
    }
  }
}

/** What belongs to an instance that still exists is only stopped: its files are there for the next run. */
async function endOrphan(runtime: InstanceRuntime, provider: Provider, orphan: Resource): Promise<void> {
  const { connection } = runtime.database;
  const instance =
    orphan.instanceId === undefined ? undefined : await findInstance(connection, orphan.instanceId);
  const wanted = instance && instance.desired !== "deleted";
  await (wanted ? provider.stop(orphan.id) : provider.destroy(orphan.id));
}

/** The row of an instance whose host is gone: nothing runs, `desired` stands, and its bill ends now. */
async function free(runtime: InstanceRuntime, instance: Instance): Promise<void> {
  const at = isoTime(runtime.clock.now());
  const lost = { state: "stopped", reason: "host_lost", health: "unknown" } as const;
  await runtime.database.transaction(async (transaction) => {
    const freed = await updateInstance(transaction, instance, {
      ...lost,
      hostId: null,
      resourceId: null,
      autoStopAt: null,
      stoppedAt: at,
      updatedAt: at,
    });
    if (!freed) return;
    await closeInterval(transaction, instance.id, at);
    await runtime.events.record(transaction, stateEvent(freed));
  });
}
