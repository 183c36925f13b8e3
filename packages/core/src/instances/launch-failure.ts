import type { Provider, Resource } from "../contracts/provider.ts";
import { isPlatformError, PlatformError, toPlatformError } from "../errors.ts";
import type { Instance } from "./instance.ts";
import { type InstanceRuntime, providerOf } from "./runtime.ts";

/** A start that took longer than `timeouts.launchMs`. */
export function startTimeout(runtime: InstanceRuntime, instance: Instance): PlatformError {
  const timeoutMs = runtime.timeouts.launchMs;
  return new PlatformError(
    "START_TIMEOUT",
    `Instance "${instance.id}" did not answer within ${timeoutMs} ms of its start. ` +
      "Look at its logs, or raise timeouts.launchMs.",
    { details: { instanceId: instance.id, timeoutMs } },
  );
}

interface LaunchFailure {
  readonly resource: Resource | undefined;
  readonly thrown: unknown;
}

/** Why a start failed, without a secret: what the provider says of it may quote the server. */
export async function explain(
  runtime: InstanceRuntime,
  instance: Instance,
  failure: LaunchFailure,
): Promise<PlatformError> {
  const error = await explainInFull(providerOf(runtime, instance), instance, failure);
  return runtime.secretsInUse.redact(instance.id, error);
}

/** Adds what the provider knows of the end: exit code and last lines say more than a closed pipe. */
async function explainInFull(
  provider: Provider,
  instance: Instance,
  failure: LaunchFailure,
): Promise<PlatformError> {
  const { resource, thrown } = failure;
  const error = toPlatformError(thrown);
  const explained = !resource || isPlatformError(error, "START_TIMEOUT");
  const seen = resource && (await provider.inspect(resource.id).catch(() => undefined));
  if (explained || seen?.state === "running") return error;
  const last = seen?.logs?.at(-1);
  return new PlatformError(
    "LAUNCH_FAILED",
    `Instance "${instance.id}" did not start: ${seen?.message ?? error.message}${last ? ` Its last line: ${last}` : ""}`,
    { details: { instanceId: instance.id, ...(seen?.logs ? { logs: seen.logs } : {}) }, cause: thrown },
  );
}

/** Ends what a failed start left. Never throws: the failure itself is what matters. */
export async function cleanUp(
  runtime: InstanceRuntime,
  instance: Instance,
  resource: Resource | undefined,
): Promise<void> {
  const steps = [
    () => runtime.proxy()?.release(instance.id),
    () => resource && providerOf(runtime, instance).stop(resource.id),
  ];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      runtime.logger.warn(
        { error, instanceId: instance.id },
        "Cleaning up after a failed start did not succeed.",
      );
    }
  }
}
