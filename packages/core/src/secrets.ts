import { z } from "zod";
import type { Actor } from "./access/actor.ts";
import type { AuditWriter } from "./access/audit.ts";
import type { Access, Action } from "./access/authorize.ts";
import { notFound } from "./access/not-found.ts";
import type { SecretAddress, Vault } from "./contracts/vault.ts";
import { PlatformError } from "./errors.ts";
import { parseInput } from "./input.ts";
import type { Secrets } from "./services.ts";

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

const scopeSchema = z.strictObject({
  kind: z.enum(["owner", "instance", "server"]),
  id: z.string().min(1).max(100).optional(),
});

const addressSchema = z.strictObject({
  name: z.string().regex(NAME, "must be letters, digits and underscores, not starting with a digit"),
  ownerId: z.string().min(1).max(200).optional(),
  scope: scopeSchema.optional(),
});

const secretSchema = addressSchema.extend({ value: z.string().min(1).max(65_536) });

/** What the operations on secrets work with. */
export interface SecretDeps {
  readonly access: Access;
  readonly audit: AuditWriter;
  readonly vault: Vault | undefined;
}

/** Secrets of owners. No operation returns a value. */
export function createSecrets(deps: SecretDeps): Secrets {
  return {
    put: async (secret, options = {}) => {
      const input = parseInput(secretSchema, secret, "secret");
      const address = await addressOf(deps, input, { actor: options.actor, action: "secret.write" });
      const stored = await vaultOf(deps).put({ ...address, value: input.value });
      await audited(deps, address, { actor: options.actor, action: "secret.write" });
      return stored;
    },
    list: async (query = {}, options = {}) => {
      const ownerId = await deps.access.visibleOwner(options.actor, "secret.read", query.ownerId);
      const { ownerId: _, ...rest } = query;
      return vaultOf(deps).list(ownerId === undefined ? rest : { ...rest, ownerId });
    },
    remove: async (secret, options = {}) => {
      const input = parseInput(addressSchema, secret, "secret");
      const address = await addressOf(deps, input, { actor: options.actor, action: "secret.remove" });
      if (!(await vaultOf(deps).remove(address))) throw notFound("secret", address.name);
      await audited(deps, address, { actor: options.actor, action: "secret.remove" });
    },
  };
}

interface Ask {
  readonly actor: Actor | undefined;
  readonly action: Action;
}

async function addressOf(
  deps: SecretDeps,
  input: z.output<typeof addressSchema>,
  ask: Ask,
): Promise<SecretAddress> {
  const ownerId = input.ownerId ?? ask.actor?.id ?? "host";
  await deps.access.require(ask.actor, ask.action, { type: "secret", id: input.name, ownerId });
  const { kind, id } = input.scope ?? { kind: "owner" };
  return { ownerId, name: input.name, scope: id === undefined ? { kind } : { kind, id } };
}

function audited(deps: SecretDeps, address: SecretAddress, ask: Ask): Promise<void> {
  return deps.audit.record({
    actorId: ask.actor?.id ?? null,
    ownerId: address.ownerId,
    action: ask.action,
    subjectType: "secret",
    subjectId: address.name,
    outcome: "allowed",
    details: { scope: address.scope.kind, scopeId: address.scope.id ?? null },
  });
}

function vaultOf(deps: SecretDeps): Vault {
  if (deps.vault) return deps.vault;
  throw new PlatformError(
    "NOT_CONFIGURED",
    "Secrets need a vault. Pass vault({ keys }) to createPlatform({ vault }).",
  );
}
