import type { Authorizer } from "./authorize.ts";

/**
 * The authorizer of a platform that is given none: an actor may do everything to what it owns, except allow code to run on the
 * host (`server.approve`), and may read public server definitions.
 */
export function ownership(): Authorizer {
  return ({ actor, action, subject }) => {
    if (action === "server.approve") return false;
    if (action === "server.read" && subject.visibility === "public") return true;
    return subject.ownerId === actor.id;
  };
}
