import { invalidInput, type MasterKeyStatus, PlatformError, type Vault } from "@moorage/core";
import { KEY_ID } from "./key-provider.ts";
import { rewrapSecrets } from "./rewrap.ts";
import { countByKey } from "./rewrap-store.ts";
import type { VaultParts } from "./secrets.ts";

/** What a vault does with its master keys. */
export function keyOperations(parts: VaultParts): Pick<Vault, "keys" | "rewrap" | "purgeKey"> {
  return {
    keys: () => listKeys(parts),
    rewrap: async (options) => rewrapSecrets(parts, options),
    purgeKey: async (keyId) => purgeKey(parts, keyId),
  };
}

/** The keys of the provider in its order, then those that only stored secrets name. */
async function listKeys({ keys, context }: VaultParts): Promise<readonly MasterKeyStatus[]> {
  const counts = await countByKey(context.database.connection);
  const own = (await keys.keyIds?.()) ?? [];
  const ids = new Set([await keys.currentKeyId(), ...own, ...[...counts.keys()].sort()]);
  return Promise.all(
    [...ids].map(async (keyId) => ({
      keyId,
      state: await keys.keyState(keyId),
      secrets: counts.get(keyId) ?? 0,
    })),
  );
}

async function purgeKey(parts: VaultParts, keyId: string): Promise<void> {
  if (typeof keyId !== "string" || !KEY_ID.test(keyId)) {
    throw invalidInput("key id", [
      { path: "keyId", message: `must be 1 to 64 letters, digits, "_" and "-"` },
    ]);
  }
  const refusal = await refusalToPurge(parts, keyId);
  await parts.context.audit.record({
    actorId: null,
    ownerId: null,
    action: "key.purge",
    subjectType: "key",
    subjectId: keyId,
    outcome: refusal ? "denied" : "allowed",
  });
  if (refusal) throw refusal;
}

async function refusalToPurge({ keys, context }: VaultParts, keyId: string): Promise<PlatformError | null> {
  const state = await keys.keyState(keyId);
  if (state === "active") {
    const message = `The master key "${keyId}" is the one that seals. Put another one first, rewrap, and purge it then.`;
    return new PlatformError("CONFLICT", message, { details: { keyId, state } });
  }
  const secrets = (await countByKey(context.database.connection)).get(keyId) ?? 0;
  if (secrets > 0) {
    const remedy = state === "grace" ? "Rewrap them first" : "Have it open again, and rewrap them first";
    const message = `The master key "${keyId}" is needed by ${secrets} stored secrets. ${remedy}.`;
    return new PlatformError("CONFLICT", message, { details: { keyId, state, secrets } });
  }
  return state === "unknown"
    ? new PlatformError("NOT_FOUND", `No master key with id "${keyId}".`, { details: { keyId } })
    : null;
}
