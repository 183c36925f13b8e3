import { describe, expect, it } from "vitest";
import { ACTIONS, type AccessSubject, type Action } from "./authorize.ts";
import { rbac } from "./rbac.ts";

const own: AccessSubject = { type: "instance", id: "i-1", ownerId: "alice" };
const others: AccessSubject = { type: "instance", id: "i-2", ownerId: "bob" };

function allowed(permissions: readonly string[], subject: AccessSubject): readonly Action[] {
  const authorize = rbac({ roles: { tested: permissions } });
  const actor = { id: "alice", roles: ["tested"] };
  return ACTIONS.filter((action) => authorize({ actor, action, subject }) === true);
}

describe("a permission", () => {
  it("allows one action on the actor's own things", () => {
    expect(allowed(["instance.read"], own)).toEqual(["instance.read"]);
    expect(allowed(["instance.read"], others)).toEqual([]);
  });

  it("with :any allows it on anybody's", () => {
    expect(allowed(["instance.read:any"], others)).toEqual(["instance.read"]);
  });

  it("* allows everything on the actor's own things but to let code run on the host", () => {
    expect(allowed(["*"], own)).toEqual(ACTIONS.filter((action) => action !== "server.approve"));
    expect(allowed(["*"], others)).toEqual([]);
  });

  it("*:any allows everything", () => {
    expect(allowed(["*:any"], others)).toEqual(ACTIONS);
  });

  it("server.approve has to be named", () => {
    expect(allowed(["server.approve"], own)).toEqual(["server.approve"]);
    expect(allowed(["server.approve"], others)).toEqual([]);
    expect(allowed(["server.approve:any"], others)).toEqual(["server.approve"]);
    expect(allowed(["mcp:manage"], own)).not.toContain("server.approve");
    expect(allowed(["mcp:manage:any"], others)).toContain("server.approve");
  });

  it("server.read covers everybody's public servers", () => {
    const server: AccessSubject = { type: "server", id: "s", ownerId: "bob", visibility: "public" };
    expect(allowed(["server.read"], server)).toEqual(["server.read"]);
    expect(allowed(["server.read"], { ...server, visibility: "private" })).toEqual([]);
  });
});

describe("the other names", () => {
  it("mcp:read reads and changes nothing", () => {
    expect(allowed(["mcp:read"], own)).toEqual([
      "server.read",
      "instance.read",
      "secret.read",
      "event.read",
      "usage.read",
      "audit.read",
    ]);
  });

  it("mcp:execute calls but does not create", () => {
    expect(allowed(["mcp:execute"], own)).toEqual([
      "server.read",
      "instance.read",
      "instance.start",
      "instance.stop",
      "instance.call",
    ]);
  });

  it("mcp:write creates but does not call", () => {
    const actions = allowed(["mcp:write"], own);
    expect(actions).toContain("server.create");
    expect(actions).toContain("secret.write");
    expect(actions).not.toContain("instance.call");
    expect(actions).not.toContain("server.approve");
  });
});

describe("roles", () => {
  const authorize = rbac({
    roles: { reader: ["instance.read"], runner: ["instance.start"] },
    defaultRole: "reader",
  });
  const may = (roles: readonly string[] | undefined, action: Action) =>
    authorize({ actor: { id: "alice", ...(roles ? { roles } : {}) }, action, subject: own });

  it("add up", () => {
    expect(may(["reader", "runner"], "instance.read")).toBe(true);
    expect(may(["reader", "runner"], "instance.start")).toBe(true);
    expect(may(["reader", "runner"], "instance.stop")).toBe(false);
  });

  it("fall back to the default role only for actors without any", () => {
    expect(may(undefined, "instance.read")).toBe(true);
    expect(may([], "instance.read")).toBe(true);
    expect(may(["unheard-of"], "instance.read")).toBe(false);
    const strict = rbac({ roles: { reader: ["*:any"] } });
    expect(strict({ actor: { id: "alice" }, action: "instance.read", subject: own })).toBe(false);
  });

  it("are not found on the prototype of objects", () => {
    for (const role of ["constructor", "__proto__", "toString"])
      expect(may([role], "instance.read")).toBe(false);
  });

  it("with unknown permissions are refused at construction, all at once", () => {
    const make = () =>
      rbac({ roles: { a: ["instance.fly", "*"], b: ["mcp:admin", "constructor"] }, defaultRole: "c" });
    expect(make).toThrowError(/roles\.a\.0: "instance\.fly" is no permission/);
    let issues: unknown;
    try {
      make();
    } catch (error) {
      issues = (error as { details: { issues: { path: string }[] } }).details.issues.map(({ path }) => path);
    }
    expect(issues).toEqual(["roles.a.0", "roles.b.0", "roles.b.1", "defaultRole"]);
  });
});
