import type { Actor } from "../access/actor.ts";
import { PlatformError } from "../errors.ts";
import type { HttpDeps } from "./dependencies.ts";

const ACCESS_TOKEN = /^bearer +(moorage_\S+)$/i;

/**
 * Who sends the request: the owner of the instance access token it brings, else whoever the host's hook says. Throws
 * `UNAUTHENTICATED` for nobody, with one message for every reason.
 */
export async function requireActor(
  request: Request,
  deps: Pick<HttpDeps, "authenticate" | "authenticateToken">,
): Promise<Actor> {
  const token = ACCESS_TOKEN.exec(request.headers.get("authorization") ?? "")?.[1];
  const actor = token ? await deps.authenticateToken(token) : await deps.authenticate?.(request);
  if (!actor) {
    throw new PlatformError("UNAUTHENTICATED", "The request brings no credentials that are known here.");
  }
  if (typeof actor.id !== "string" || actor.id === "") {
    throw new Error("authenticate() answered with an actor that has no id");
  }
  return actor;
}
