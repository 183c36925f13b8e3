import { beforeEach, describe, expect, it } from "vitest";
import { isPlatformError } from "../errors.ts";
import { createAccess } from "./access.ts";
import type { NewAuditEntry } from "./audit.ts";
import { ACTIONS, type AccessRequest, type AccessSubject, type Action } from "./authorize.ts";
import { notFound } from "./not-found.ts";
import { ownership } from "./ownership.ts";
import { rbac } from "./rbac.ts";

const alice = { id: "alice" };
const bob = { id: "bob" };
const instance: AccessSubject = { type: "instance", id: "i-1", ownerId: "alice" };
const publicServer: AccessSubject = { type: "server", id: "s-1", ownerId: "alice", visibility: "public" };

let entries: NewAuditEntry[];
const audit = {
  async record(entry: NewAuditEntry) {
    entries.push(entry);
  },
};
beforeEach(() => {
  entries = [];
});

const owned = (requireActor = false) => createAccess({ authorize: ownership(), requireActor, audit });

async function codeOf(work: Promise<unknown>): Promise<string> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  return isPlatformError(thrown) ? thrown.code : String(thrown);
}

describe("require", () => {
  it("lets an owner act on what it owns, and leaves no audit entry", async () => {
    await owned().require(alice, "instance.stop", instance);
    expect(entries).toEqual([]);
  });

  it("answers another owner's id exactly like an unknown id", async () => {
    const thrown = await owned()
      .require(bob, "instance.read", instance)
      .catch((error: unknown) => error);
    const unknown = notFound("instance", "i-1");
    expect(thrown).toMatchObject({ code: "NOT_FOUND", message: unknown.message, details: unknown.details });
    expect(unknown.message).toBe('No instance with id "i-1".');
  });

  it("says FORBIDDEN where the subject may be read, and where there is no single subject", async () => {
    expect(await codeOf(owned().require(bob, "server.update", publicServer))).toBe("FORBIDDEN");
    const list: AccessSubject = { type: "audit", id: null, ownerId: null };
    expect(await codeOf(owned().require(bob, "audit.read", list))).toBe("FORBIDDEN");
  });

  it("writes every denial into the audit", async () => {
    await codeOf(owned().require(bob, "instance.stop", instance));
    expect(entries).toEqual([
      {
        actorId: "bob",
        ownerId: "alice",
        action: "instance.stop",
        subjectType: "instance",
        subjectId: "i-1",
        outcome: "denied",
      },
    ]);
  });

  it("takes no actor as the host's own code, unless an actor is required", async () => {
    await owned().require(undefined, "instance.stop", instance);
    expect(await codeOf(owned(true).require(undefined, "instance.stop", instance))).toBe("UNAUTHENTICATED");
    expect(await codeOf(owned(true).visibleOwner(undefined, "instance.read"))).toBe("UNAUTHENTICATED");
    expect(await owned(true).allows(undefined, "instance.stop", instance)).toBe(false);
  });

  it("denies when the authorizer answers anything but true, and passes on what it throws", async () => {
    const loose = createAccess({ authorize: (() => "yes") as never, requireActor: false });
    expect(await loose.allows(alice, "instance.stop", instance)).toBe(false);
    const broken = createAccess({
      authorize: () => {
        throw new Error("directory is down");
      },
      requireActor: false,
    });
    expect(await codeOf(broken.require(alice, "instance.stop", instance))).toContain("directory is down");
  });
});

describe("an actor from an access token", () => {
  const token = { id: "alice", instanceId: "i-1" };

  it("may read and call its instance, and nothing else whatsoever", async () => {
    const everything = createAccess({ authorize: () => true, requireActor: false });
    const others: AccessSubject[] = [
      { ...instance, id: "i-2" },
      { ...instance, ownerId: "bob" },
      { ...publicServer },
      { type: "secret", id: "i-1", ownerId: "alice" },
      { type: "token", id: "i-1", ownerId: "alice" },
      { type: "instance", id: null, ownerId: "alice" },
    ];
    for (const action of ACTIONS) {
      const expected = action === "instance.read" || action === "instance.call";
      expect(await everything.allows(token, action, instance), action).toBe(expected);
      for (const subject of others) expect(await everything.allows(token, action, subject)).toBe(false);
    }
  });

  it("sees no list", async () => {
    expect(await codeOf(owned().visibleOwner(token, "instance.read"))).toBe("FORBIDDEN");
    expect(await codeOf(owned().visibleOwner(token, "instance.read", "alice"))).toBe("FORBIDDEN");
  });

  it("works where the owner's rights come from roles that a token does not carry", async () => {
    const access = createAccess({ authorize: rbac({ roles: { user: ["*"] } }), requireActor: true });
    expect(await access.allows(token, "instance.call", instance)).toBe(true);
  });
});

describe("visibleOwner", () => {
  const admin = { id: "root", roles: ["admin"] };
  const access = createAccess({
    authorize: rbac({ roles: { admin: ["*:any"], user: ["instance.read"], none: [] } }),
    requireActor: false,
    audit,
  });
  const user = { id: "alice", roles: ["user"] };

  it("confines an actor to its own rows and refuses another owner's", async () => {
    expect(await access.visibleOwner(user, "instance.read")).toBe("alice");
    expect(await access.visibleOwner(user, "instance.read", "alice")).toBe("alice");
    expect(await codeOf(access.visibleOwner(user, "instance.read", "bob"))).toBe("FORBIDDEN");
    expect(await codeOf(access.visibleOwner({ ...user, roles: ["none"] }, "instance.read"))).toBe(
      "FORBIDDEN",
    );
  });

  it("shows everybody's rows, or one owner's, to those who may see them", async () => {
    expect(await access.visibleOwner(admin, "instance.read")).toBeUndefined();
    expect(await access.visibleOwner(admin, "instance.read", "bob")).toBe("bob");
    expect(await access.visibleOwner(undefined, "instance.read")).toBeUndefined();
  });

  it("asks a host's own authorizer about the very owner that is wanted", async () => {
    const asked: AccessRequest[] = [];
    const team = createAccess({
      authorize: (request) => {
        asked.push(request);
        return request.subject.ownerId === "bob";
      },
      requireActor: false,
    });
    expect(await team.visibleOwner(alice, "usage.read", "bob")).toBe("bob");
    expect(asked.at(-1)?.subject).toEqual({ type: "usage", id: null, ownerId: "bob" });
  });
});

describe("ownership", () => {
  const may = (actor: { id: string }, action: Action, subject: AccessSubject) =>
    ownership()({ actor, action, subject });

  it("allows an owner everything except letting code run on the host", () => {
    for (const action of ACTIONS) expect(may(alice, action, instance)).toBe(action !== "server.approve");
  });

  it("allows everybody to read a public server, and nothing more", () => {
    for (const action of ACTIONS) expect(may(bob, action, publicServer)).toBe(action === "server.read");
    expect(may(bob, "server.read", { ...publicServer, visibility: "private" })).toBe(false);
  });

  it("takes rows of all owners for nobody's own", () => {
    expect(may(alice, "usage.read", { type: "usage", id: null, ownerId: null })).toBe(false);
  });
});
