import type { InputIssue } from "../errors.ts";
import { invalidInput } from "../input.ts";
import type { Actor } from "./actor.ts";
import type { AccessRequest, Action, Authorizer } from "./authorize.ts";
import { parsePermission, permissionNames } from "./permissions.ts";

/** Roles and what they allow. */
export interface RbacOptions {
  /**
   * Role to permissions: `instance.read` (on what the actor owns), `instance.read:any` (on anybody's), `*`
   * (everything on its own, except `server.approve`), `*:any` (everything), `mcp:read|write|execute|manage`.
   */
  readonly roles: Readonly<Record<string, readonly string[]>>;
  /** Role of actors that come with none. Without it they may do nothing. */
  readonly defaultRole?: string;
}

interface Grants {
  readonly own: ReadonlySet<Action>;
  readonly any: ReadonlySet<Action>;
}

/** An authorizer made of roles. Throws `INVALID_INPUT` for a permission or a default role that it does not know. */
export function rbac(options: RbacOptions): Authorizer {
  const roles = readRoles(options);
  const fallback = options.defaultRole === undefined ? [] : [options.defaultRole];
  const rolesOf = (actor: Actor) => (actor.roles?.length ? actor.roles : fallback);
  return (request) =>
    rolesOf(request.actor).some((role) => {
      const grants = roles.get(role);
      return grants !== undefined && grantsAllow(grants, request);
    });
}

function grantsAllow(grants: Grants, { actor, action, subject }: AccessRequest): boolean {
  if (grants.any.has(action)) return true;
  if (!grants.own.has(action)) return false;
  if (action === "server.read" && subject.visibility === "public") return true;
  return subject.ownerId === actor.id;
}

function readRoles({ roles, defaultRole }: RbacOptions): ReadonlyMap<string, Grants> {
  const issues: InputIssue[] = [];
  const grants = new Map(
    Object.entries(roles).map(([role, permissions]) => [role, readGrants(role, permissions, issues)]),
  );
  if (defaultRole !== undefined && !grants.has(defaultRole)) {
    issues.push({ path: "defaultRole", message: `there is no role "${defaultRole}"` });
  }
  if (issues.length > 0) throw invalidInput("role table", issues);
  return grants;
}

function readGrants(role: string, permissions: readonly string[], issues: InputIssue[]): Grants {
  const own = new Set<Action>();
  const any = new Set<Action>();
  permissions.forEach((text, index) => {
    const permission = parsePermission(text);
    if (!permission) issues.push({ path: `roles.${role}.${index}`, message: unknownPermission(text) });
    for (const action of permission?.actions ?? []) (permission?.scope === "any" ? any : own).add(action);
  });
  return { own, any };
}

function unknownPermission(text: string): string {
  return `"${text}" is no permission; known are ${permissionNames().join(", ")}, each also with ":any"`;
}
