import { ACTIONS, type Action } from "./authorize.ts";

/** What one permission string allows: these actions, on the actor's own things or on anybody's. */
export interface Permission {
  readonly actions: readonly Action[];
  readonly scope: "own" | "any";
}

/** Allowing code to run on the host is never part of a wildcard over the actor's own things. */
const ORDINARY = ACTIONS.filter((action) => action !== "server.approve");

const READ: readonly Action[] = [
  "server.read",
  "instance.read",
  "secret.read",
  "event.read",
  "usage.read",
  "audit.read",
];

/**
 * Permission names of other platforms:
 *
 * | name          | allows, on the actor's own things                                                    |
 * |---------------|--------------------------------------------------------------------------------------|
 * | `mcp:read`    | reading servers, instances, secret metadata, events, usage and audit entries         |
 * | `mcp:write`   | `mcp:read`, and creating, changing and removing servers, instances, tokens, secrets  |
 * | `mcp:execute` | reading servers and instances; starting, stopping and calling instances              |
 * | `mcp:manage`  | everything but `server.approve`                                                      |
 *
 * Each takes `:any` as well; `mcp:manage:any` is everything, `server.approve` included.
 */
const ALIASES: Readonly<Record<string, readonly Action[]>> = {
  "mcp:read": READ,
  "mcp:write": [
    ...READ,
    "server.create",
    "server.update",
    "server.remove",
    "instance.create",
    "instance.update",
    "instance.remove",
    "token.create",
    "token.revoke",
    "secret.write",
    "secret.remove",
  ],
  "mcp:execute": ["server.read", "instance.read", "instance.start", "instance.stop", "instance.call"],
};

const EVERYTHING = ["*", "mcp:manage"];

/** Reads one permission string: an action, `*` or an alias, alone or with `:any`. Undefined for any other text. */
export function parsePermission(text: string): Permission | undefined {
  const scope = text.endsWith(":any") ? "any" : "own";
  const name = scope === "any" ? text.slice(0, -":any".length) : text;
  if (EVERYTHING.includes(name)) return { actions: scope === "any" ? ACTIONS : ORDINARY, scope };
  const action = ACTIONS.find((known) => known === name);
  if (action) return { actions: [action], scope };
  const actions = Object.hasOwn(ALIASES, name) ? ALIASES[name] : undefined;
  return actions && { actions, scope };
}

/** Every permission string without its `:any`, for messages. */
export function permissionNames(): readonly string[] {
  return [...EVERYTHING, ...Object.keys(ALIASES), ...ACTIONS];
}
