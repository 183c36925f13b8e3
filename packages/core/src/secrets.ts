import type { Actor, ActorOptions } from "./access/actor.ts";
import type { Action } from "./access/authorize.ts";
import { notFound } from "./access/not-found.ts";
import type { SecretAddress, Vault } from "./contracts/vault.ts";
import { PlatformError } from "./errors.ts";
import { parseInput, withoutUndefined } from "./input.ts";
import type { Instance } from "./instances/instance.ts";
import {
  addressSchema,
  grantSchema,
  type ParsedAddress,
  rotationSchema,
  secretQuerySchema,
  secretSchema,
} from "./secrets/input.ts";
import type { RotationRestarts } from "./secrets/restarts.ts";
import { checkSecretValue, declaredVariables, ownedInstance, type ScopeDeps } from "./secrets/scope.ts";
import { findUsers } from "./secrets/users.ts";
import type { Secrets } from "./services.ts";

/** What the operations on secrets work with. */
export interface SecretDeps extends ScopeDeps {
  readonly restarts: RotationRestarts;
}

/** Secrets of owners. No operation returns a value; the vault writes the audit of what they do. */
export function createSecrets(deps: SecretDeps): Secrets {
  return {
    put: async (secret, options = {}) => {
      const input = parseInput(secretSchema, secret, "secret");
      const address = await checkedAddress(deps, input, { ...options, value: input.value });
      const { value, rotateAfterDays } = input;
      return vaultOf(deps).put(withoutUndefined({ ...address, value, rotateAfterDays }), by(options));
    },
    list: async (query = {}, options = {}) => {
      const parsed = parseInput(secretQuerySchema, query, "query");
      const ownerId = await deps.access.visibleOwner(options.actor, "secret.read", parsed.ownerId);
      return vaultOf(deps).list(withoutUndefined({ ...parsed, ownerId }));
    },
    rotate: (secret, options = {}) => rotate(deps, secret, options),
    usage: async (secret, options = {}) => {
      const address = await permittedAddress(deps, parseInput(addressSchema, secret, "secret"), {
        ...options,
        action: "secret.read",
      });
      await declaredVariables(deps, address, options.actor);
      const usage = await vaultOf(deps).usage(address);
      const users = await usersOf(deps, address);
      return { ...usage, instances: users.map(({ id }) => id) };
    },
    grant: (grant, options = {}) => grantSecret(deps, grant, options),
    revoke: (grant, options = {}) => revokeSecret(deps, grant, options),
    remove: async (secret, options = {}) => {
      const address = await permittedAddress(deps, parseInput(addressSchema, secret, "secret"), {
        ...options,
        action: "secret.remove",
      });
      // What stands at a server definition can be removed when the definition is gone, or no longer to be read.
      if (address.scope.kind === "instance") await declaredVariables(deps, address, options.actor);
      if (!(await vaultOf(deps).remove(address, by(options)))) throw notFound("secret", address.name);
    },
    masterKeys: {
      list: async () => vaultOf(deps).keys(),
      rewrap: async (options) => vaultOf(deps).rewrap(options),
      purge: async (keyId) => vaultOf(deps).purgeKey(keyId),
    },
  };
}

async function rotate(deps: SecretDeps, secret: unknown, options: ActorOptions) {
  const input = parseInput(rotationSchema, secret, "secret");
  const address = await checkedAddress(deps, input, { ...options, value: input.value });
  const { value, rotateAfterDays, graceSeconds } = input;
  const rotation = withoutUndefined({ ...address, value, rotateAfterDays, graceSeconds });
  const rotated = await vaultOf(deps).rotate(rotation, by(options));
  usersOf(deps, address).then(
    (users) => deps.restarts.add(users.filter(wantsRestart)),
    (error: unknown) =>
      deps.runtime.logger.warn({ error }, "The instances that use a rotated secret were not found."),
  );
  return rotated;
}

async function grantSecret(deps: SecretDeps, grant: unknown, options: ActorOptions): Promise<void> {
  const { toInstanceId, ...input } = parseInput(grantSchema, grant, "grant");
  const address = await checkedAddress(deps, input, options);
  await ownedInstance(deps, toInstanceId, address.ownerId);
  await vaultOf(deps).grant(address, toInstanceId, by(options));
}

async function revokeSecret(deps: SecretDeps, grant: unknown, options: ActorOptions): Promise<void> {
  const { toInstanceId, ...input } = parseInput(grantSchema, grant, "grant");
  const address = await checkedAddress(deps, input, options);
  if (await vaultOf(deps).revoke(address, toInstanceId, by(options))) return;
  throw notGranted(address, toInstanceId);
}

function wantsRestart({ restartOnRotation, desired, state }: Instance): boolean {
  return restartOnRotation && desired === "running" && (state === "running" || state === "starting");
}

async function usersOf(deps: SecretDeps, address: SecretAddress): Promise<readonly Instance[]> {
  const vault = vaultOf(deps);
  const { grantedTo } = await vault.usage(address);
  return findUsers({ connection: deps.runtime.database.connection, vault }, { secret: address, grantedTo });
}

/** The secret that is meant, if this actor may do that to secrets of its owner. */
async function permittedAddress(
  deps: SecretDeps,
  { ownerId: named, name, scope = { kind: "owner" } }: ParsedAddress,
  { actor, action }: { readonly actor?: Actor; readonly action: Action },
): Promise<SecretAddress> {
  const ownerId = named ?? actor?.id ?? "host";
  await deps.access.require(actor, action, { type: "secret", id: name, ownerId });
  return { ownerId, name, scope };
}

/** The same for whoever writes: where it is to stand exists, and a value fits the variable of that name. */
async function checkedAddress(
  deps: SecretDeps,
  input: ParsedAddress,
  { actor, value }: ActorOptions & { readonly value?: string },
): Promise<SecretAddress> {
  const address = await permittedAddress(deps, input, { ...(actor && { actor }), action: "secret.write" });
  const variables = await declaredVariables(deps, address, actor);
  if (value !== undefined) checkSecretValue(variables, { name: address.name, value });
  return address;
}

function by({ actor }: ActorOptions): { readonly actorId: string | null } {
  return { actorId: actor?.id ?? null };
}

function notGranted({ name, scope }: SecretAddress, toInstanceId: string): PlatformError<"NOT_FOUND"> {
  return new PlatformError(
    "NOT_FOUND",
    `The secret "${name}" of instance "${scope.id}" is not granted to instance "${toInstanceId}".`,
  );
}

function vaultOf(deps: SecretDeps): Vault {
  const { vault } = deps.runtime;
  if (vault) return vault;
  throw new PlatformError(
    "NOT_CONFIGURED",
    "Secrets need a vault. Pass vault({ keys }) to createPlatform({ vault }).",
  );
}
