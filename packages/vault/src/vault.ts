import { invalidInput, type PartContext, parseInput, type Vault, type VaultPart } from "@moorage/core";
import { putSecret, removeScope, removeSecret } from "./changes.ts";
import { ALGORITHMS, type Algorithm, isAlgorithm } from "./cipher.ts";
import { tendSecrets } from "./expiry.ts";
import { grantSecret, revokeSecret, usageOf } from "./grants.ts";
import { listSchema } from "./input.ts";
import type { KeyProvider } from "./key-provider.ts";
import { type KeyRing, localKeyring } from "./key-ring.ts";
import { keyOperations } from "./keys.ts";
import { vaultMigrations } from "./migrations.ts";
import { resolveSecrets } from "./resolve.ts";
import { rotateSecret } from "./rotation.ts";
import { listSecrets } from "./secret-store.ts";
import { toMetadata, type VaultParts } from "./secrets.ts";

export interface VaultOptions {
  /**
   * Master keys as `"k2:base64,k1:base64"` or as an array, newest first: the first one seals, all of them open. Or
   * a key provider of the host. `undefined` is refused with `INVALID_INPUT`.
   */
  readonly keys: KeyRing | KeyProvider | undefined;
  /** How new versions are sealed; `secretbox` if left out. What is stored opens whichever it was sealed with. */
  readonly algorithm?: Algorithm;
}

/** The vault, as a part for `createPlatform()`. Throws `INVALID_INPUT` for missing or unusable keys. */
export function vault(options: VaultOptions): VaultPart {
  const keys = keyProviderOf(options.keys);
  const algorithm = options.algorithm ?? "secretbox";
  if (!isAlgorithm(algorithm)) {
    throw invalidInput("vault", [{ path: "algorithm", message: `must be one of ${ALGORITHMS.join(", ")}` }]);
  }
  return {
    name: "vault",
    migrations: vaultMigrations,
    create: (context) => createVault({ context, keys, algorithm }),
  };
}

function keyProviderOf(keys: VaultOptions["keys"]): KeyProvider {
  if (keys === undefined || keys === null || keys === "") {
    const message =
      "no keys were given. generateKey() of @moorage/vault makes one, of the form k1:base64;" +
      " keep it where the host keeps its secrets, and pass the same one at every start";
    throw invalidInput("vault", [{ path: "keys", message }]);
  }
  return typeof keys === "object" && "wrap" in keys ? keys : localKeyring(keys);
}

function createVault(parts: VaultParts): Vault {
  return {
    put: async (secret, options) => putSecret(parts, secret, options),
    list: (query) => list(parts.context, query),
    remove: async (address, options) => removeSecret(parts, address, options),
    removeScope: async (scope, options) => removeScope(parts, scope, options),
    resolve: (request) => resolveSecrets(parts, request),
    rotate: async (secret, options) => rotateSecret(parts, secret, options),
    usage: (address) => usageOf(parts, address),
    grant: async (address, toInstanceId, options) => grantSecret(parts, { address, toInstanceId }, options),
    revoke: async (address, toInstanceId, options) => revokeSecret(parts, { address, toInstanceId }, options),
    tend: () => tendSecrets(parts),
    ...keyOperations(parts),
  };
}

async function list(context: PartContext, query: Parameters<Vault["list"]>[0]): ReturnType<Vault["list"]> {
  const { ownerId, scope, ...page } = parseInput(listSchema, query, "query");
  const filter = { ownerId, scope: scope?.kind, scopeId: scope?.id };
  const { items, nextCursor } = await listSecrets(context.database.connection, filter, {
    ...(page.limit !== undefined && { limit: page.limit }),
    ...(page.cursor !== undefined && { cursor: page.cursor }),
  });
  return { items: items.map(toMetadata), nextCursor };
}
