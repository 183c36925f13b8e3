import type { Actor } from "@moorage/core";

/** Tokens anybody can read here: for trying out only. A real host asks its own sessions, or verifies a JWT. */
const ACTORS: Readonly<Record<string, Actor>> = {
  "alice-token": { id: "alice" },
  "bob-token": { id: "bob" },
  "admin-token": { id: "admin", roles: ["admin"] },
};

/** Who sends this request, by its bearer token; null for nobody known. */
export function actorOf(request: Request): Actor | null {
  const [scheme, token] = (request.headers.get("authorization") ?? "").split(" ");
  if (scheme?.toLowerCase() !== "bearer" || token === undefined) return null;
  return Object.hasOwn(ACTORS, token) ? (ACTORS[token] ?? null) : null;
}
