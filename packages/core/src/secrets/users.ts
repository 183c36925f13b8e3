import type { SecretAddress, SecretScope, Vault } from "../contracts/vault.ts";
import type { Instance } from "../instances/instance.ts";
import type { Connection } from "../store/database.ts";
import { listInstances } from "../store/instances.ts";

const PAGE = 200;

/** A secret, and the instances that may name it as `secret_ref:` besides its own. */
export interface SharedSecret {
  readonly secret: SecretAddress;
  readonly grantedTo: readonly string[];
}

/**
 * The owner's instances, deleted ones left out, whose environment refers to the secret: directly, or as `secret:<name>` where no
 * secret of that name stands nearer to the instance (its own before its server's before the owner's).
 */
export async function findUsers(
  parts: { readonly connection: Connection; readonly vault: Vault },
  shared: SharedSecret,
): Promise<readonly Instance[]> {
  const { secret } = shared;
  const users: Instance[] = [];
  const near: Instance[] = [];
  for await (const instance of instancesOf(parts.connection, secret.ownerId)) {
    if (namesDirectly(instance, shared)) users.push(instance);
    else if (namesByLookup(instance, secret)) near.push(instance);
  }
  if (near.length === 0) return users;
  const places = await placesOf(parts.vault, secret);
  return [...users, ...near.filter((instance) => nearest(instance, places)?.kind === secret.scope.kind)];
}

async function* instancesOf(connection: Connection, ownerId: string): AsyncGenerator<Instance> {
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await listInstances(connection, { ownerId, limit: PAGE, ...(cursor && { cursor }) });
    for (const instance of page.items) if (instance.desired !== "deleted") yield instance;
    cursor = page.nextCursor;
  }
}

function names({ environment }: Instance, reference: string): boolean {
  return Object.values(environment).includes(reference);
}

function namesDirectly(instance: Instance, { secret, grantedTo }: SharedSecret): boolean {
  const { scope, name } = secret;
  if (scope.kind !== "instance" || !names(instance, `secret_ref:${scope.id}:${name}`)) return false;
  return scope.id === instance.id || grantedTo.includes(instance.id);
}

function namesByLookup(instance: Instance, { scope, name }: SecretAddress): boolean {
  return belongs(instance, scope) && names(instance, `secret:${name}`);
}

function belongs(instance: Instance, { kind, id }: SecretScope): boolean {
  if (kind === "owner") return true;
  return id === (kind === "instance" ? instance.id : instance.serverId);
}

const NEAREST_FIRST = ["instance", "server", "owner"] as const;

/** Where `secret:<name>` of the instance leads among the places that have a secret of that name. */
function nearest(instance: Instance, places: readonly SecretScope[]): SecretScope | undefined {
  const reachable = places.filter((place) => belongs(instance, place));
  return NEAREST_FIRST.map((kind) => reachable.find((place) => place.kind === kind)).find(
    (place) => place !== undefined,
  );
}

/** Every place in which the owner has a secret of that name. */
async function placesOf(
  vault: Vault,
  { ownerId, name }: Pick<SecretAddress, "ownerId" | "name">,
): Promise<readonly SecretScope[]> {
  const places: SecretScope[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await vault.list({ ownerId, limit: PAGE, ...(cursor && { cursor }) });
    places.push(...page.items.filter((secret) => secret.name === name).map(({ scope }) => scope));
    cursor = page.nextCursor;
  }
  return places;
}
