import type { ActorOptions } from "../access/actor.ts";
import type { Instances } from "../services.ts";
import { audited, type InstanceDeps, permitted } from "./deps.ts";

/** Makes an access token for the instance. */
export async function createToken(
  deps: InstanceDeps,
  id: string,
  request: {
    readonly input: Parameters<Instances["createToken"]>[1];
    readonly options: ActorOptions | undefined;
  },
) {
  const actor = request.options?.actor;
  const instance = await permitted(deps, id, { actor, action: "token.create" });
  const token = await deps.tokens.create(instance, request.input ?? {});
  await audited(deps, instance, { ...request.options, action: "token.create" });
  return token;
}

/** Revokes one token of the instance, or all; returns how many. */
export async function revokeTokens(
  deps: InstanceDeps,
  id: string,
  request: {
    readonly input: Parameters<Instances["revokeTokens"]>[1];
    readonly options: ActorOptions | undefined;
  },
) {
  const instance = await permitted(deps, id, { actor: request.options?.actor, action: "token.revoke" });
  const revoked = await deps.tokens.revoke(instance.id, request.input ?? {});
  await audited(deps, instance, { ...request.options, action: "token.revoke" });
  return revoked;
}
