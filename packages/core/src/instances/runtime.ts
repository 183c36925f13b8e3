import type { ServerDefinition } from "../catalog/server-definition.ts";
import type { PartContext } from "../contracts/part.ts";
import type { Provider } from "../contracts/provider.ts";
import type { McpProxy } from "../contracts/proxy.ts";
import type { Vault } from "../contracts/vault.ts";
import { PlatformError } from "../errors.ts";
import type { PlatformTimeouts } from "../platform-types.ts";
import type { SecretsInUse } from "../redact/secrets-in-use.ts";
import type { RestartPolicy } from "./backoff.ts";
import type { Instance } from "./instance.ts";

/** What the life of an instance needs: the parts, the clock, the database, and how patient to be. */
export interface InstanceRuntime extends PartContext {
  readonly providers: ReadonlyMap<string, Provider>;
  readonly vault: Vault | undefined;
  /** The proxy is made after the instances, which it needs; hence a function. */
  readonly proxy: () => McpProxy | undefined;
  readonly timeouts: PlatformTimeouts;
  readonly restartPolicy: RestartPolicy;
  readonly random: () => number;
  readonly secretsInUse: SecretsInUse;
  findServer(serverId: string): Promise<ServerDefinition | undefined>;
}

/** The provider an instance names. Throws `NOT_CONFIGURED` where the host no longer passes it. */
export function providerOf(
  runtime: Pick<InstanceRuntime, "providers">,
  instance: Pick<Instance, "id" | "provider">,
): Provider {
  const provider = runtime.providers.get(instance.provider);
  if (provider) return provider;
  const known = [...runtime.providers.keys()].map((name) => `"${name}"`).join(", ") || "none";
  throw new PlatformError(
    "NOT_CONFIGURED",
    `Provider "${instance.provider}" of instance "${instance.id}" is not configured (configured: ${known}). ` +
      "Pass it to createPlatform({ providers }).",
  );
}
