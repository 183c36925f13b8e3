import { isoTime } from "../clock.ts";
import type { Provider, Resource } from "../contracts/provider.ts";
import type { Upstream } from "../contracts/proxy.ts";
import { withDeadline } from "../deadline.ts";
import { PlatformError } from "../errors.ts";
import { updateClaimed } from "../store/instances.ts";
import type { Held } from "./claim.ts";
import { recordFailure } from "./failure.ts";
import type { Instance } from "./instance.ts";
import { cleanUp, explain, startTimeout } from "./launch-failure.ts";
import { buildLaunchRequest, secretValuesOf } from "./launch-request.ts";
import { moveState } from "./move.ts";
import { type InstanceRuntime, providerOf } from "./runtime.ts";

/** The way into a running instance. */
export function upstreamOf(runtime: InstanceRuntime, instance: Instance): Upstream {
  const { resourceId } = instance;
  return {
    instance,
    connect(options) {
      if (resourceId !== null) return providerOf(runtime, instance).connect(resourceId, options);
      throw new PlatformError("INSTANCE_NOT_RUNNING", `Instance "${instance.id}" has nothing to connect to.`);
    },
  };
}

/**
 * Brings an instance to `running`: a new generation, launched, connected and initialised. What goes wrong is
 * written to the row, and thrown.
 */
export async function launchInstance(runtime: InstanceRuntime, held: Held): Promise<Instance> {
  const provider = providerOf(runtime, held.instance);
  const starting = await announceStart(runtime, held, provider);
  let resource: Resource | undefined;
  try {
    return await withDeadline(
      {
        clock: runtime.clock,
        timeoutMs: runtime.timeouts.launchMs,
        late: () => startTimeout(runtime, starting),
      },
      async (signal) => {
        resource = await launchResource(runtime, starting, signal);
        await refuseLate(provider, resource, signal);
        const launched = await keepResource(runtime, { ...held, instance: starting }, resource);
        if (launched.kind === "server")
          await runtime.proxy()?.open(upstreamOf(runtime, launched), { signal });
        signal.throwIfAborted();
        return await announceRunning(runtime, { ...held, instance: launched });
      },
    );
  } catch (thrown) {
    const error = await explain(runtime, starting, { resource, thrown });
    await cleanUp(runtime, starting, resource);
    await recordFailure(runtime, { ...held, instance: starting }, error);
    throw error;
  }
}

/** The generation stays where a start is taken up again, so that the provider finds what it made before. */
async function announceStart(runtime: InstanceRuntime, held: Held, provider: Provider): Promise<Instance> {
  const { instance } = held;
  const resumed = instance.state === "starting";
  if (instance.resourceId !== null) await provider.stop(instance.resourceId);
  return moveState(runtime, held, {
    state: "starting",
    generation: resumed ? instance.generation : instance.generation + 1,
    hostId: provider.locality === "host" ? runtime.hostId : null,
    reason: null,
    error: null,
    nextAttemptAt: null,
    health: "unknown",
    healthFailures: 0,
  });
}

async function launchResource(
  runtime: InstanceRuntime,
  instance: Instance,
  signal: AbortSignal,
): Promise<Resource> {
  const definition = instance.serverId === null ? undefined : await runtime.findServer(instance.serverId);
  if (!definition) {
    throw new PlatformError(
      "LAUNCH_FAILED",
      `Instance "${instance.id}" cannot start: its server definition "${instance.serverId}" no longer exists.`,
    );
  }
  const provider = providerOf(runtime, instance);
  const request = await buildLaunchRequest({ vault: runtime.vault, provider }, instance, definition);
  runtime.secretsInUse.remember(instance.id, secretValuesOf(request));
  return provider.launch(request, { signal });
}

/** A provider that came back after the deadline: nobody waits for what it made. */
async function refuseLate(provider: Provider, resource: Resource, signal: AbortSignal): Promise<void> {
  if (!signal.aborted) return;
  await provider.stop(resource.id);
  signal.throwIfAborted();
}

async function keepResource(runtime: InstanceRuntime, held: Held, resource: Resource): Promise<Instance> {
  const kept = await updateClaimed(runtime.database.connection, held.claim, { resourceId: resource.id });
  if (kept) return kept;
  throw new PlatformError("CONFLICT", `Another replica took over instance "${held.instance.id}".`);
}

function announceRunning(runtime: InstanceRuntime, held: Held): Promise<Instance> {
  const now = runtime.clock.now();
  const { idleSeconds, kind } = held.instance;
  return moveState(runtime, held, {
    state: "running",
    reason: null,
    startedAt: isoTime(now),
    stoppedAt: null,
    lastActivityAt: isoTime(now),
    autoStopAt: idleSeconds === null ? null : isoTime(now + idleSeconds * 1000),
    health: kind === "server" && runtime.proxy() ? "healthy" : "unknown",
    expiringNotifiedAt: null,
  });
}
