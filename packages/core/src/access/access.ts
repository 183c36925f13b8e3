import { PlatformError } from "../errors.ts";
import type { Actor } from "./actor.ts";
import type { AuditWriter } from "./audit.ts";
import type { Access, AccessSubject, Action, Authorizer } from "./authorize.ts";
import { notFound } from "./not-found.ts";

/** What {@link createAccess} needs. */
export interface AccessOptions {
  readonly authorize: Authorizer;
  /** An operation without an actor is refused with `UNAUTHENTICATED` instead of being the host's own. */
  readonly requireActor: boolean;
  /** Where denials are written. */
  readonly audit?: AuditWriter;
}

const READ_ACTIONS: Readonly<Record<AccessSubject["type"], Action>> = {
  server: "server.read",
  instance: "instance.read",
  token: "instance.read",
  secret: "secret.read",
  event: "event.read",
  usage: "usage.read",
  audit: "audit.read",
};

const TOKEN_ACTIONS: readonly Action[] = ["instance.read", "instance.call"];

/** The checks that every operation makes; see {@link Access}. */
export function createAccess({ authorize, requireActor, audit }: AccessOptions): Access {
  const may = async (actor: Actor, action: Action, subject: AccessSubject): Promise<boolean> => {
    if (actor.instanceId !== undefined) return tokenAllows(actor, action, subject);
    return (await authorize({ actor, action, subject })) === true;
  };
  const checkPresent = (actor: Actor | undefined, action: Action): actor is Actor => {
    if (actor === undefined && requireActor) throw unauthenticated(action);
    return actor !== undefined;
  };
  const deny = async (actor: Actor, action: Action, subject: AccessSubject): Promise<PlatformError> => {
    await audit?.record({
      actorId: actor.id,
      ownerId: subject.ownerId,
      action,
      subjectType: subject.type,
      subjectId: subject.id,
      outcome: "denied",
    });
    if (subject.id === null || (await may(actor, READ_ACTIONS[subject.type], subject)))
      return forbidden(action);
    return notFound(subject.type, subject.id);
  };
  return {
    async require(actor, action, subject) {
      if (!checkPresent(actor, action) || (await may(actor, action, subject))) return;
      throw await deny(actor, action, subject);
    },
    async visibleOwner(actor, action, wanted) {
      if (!checkPresent(actor, action)) return wanted;
      const subject = (ownerId: string | null): AccessSubject => ({
        type: subjectType(action),
        id: null,
        ownerId,
      });
      if (await may(actor, action, subject(null))) return wanted;
      const ownerId = wanted ?? actor.id;
      if (await may(actor, action, subject(ownerId))) return ownerId;
      throw await deny(actor, action, subject(ownerId));
    },
    async allows(actor, action, subject) {
      return actor === undefined ? !requireActor : may(actor, action, subject);
    },
  };
}

/** An access token was given by the owner for one instance, so that the owner's roles do not matter here. */
function tokenAllows(actor: Actor, action: Action, subject: AccessSubject): boolean {
  if (subject.type !== "instance" || !TOKEN_ACTIONS.includes(action)) return false;
  return subject.id === actor.instanceId && subject.ownerId === actor.id;
}

function subjectType(action: Action): AccessSubject["type"] {
  return action.slice(0, action.indexOf(".")) as AccessSubject["type"];
}

function forbidden(action: Action): PlatformError<"FORBIDDEN"> {
  return new PlatformError("FORBIDDEN", `The actor may not do ${action} here. It needs that permission.`, {
    details: { action },
  });
}

function unauthenticated(action: Action): PlatformError<"UNAUTHENTICATED"> {
  return new PlatformError(
    "UNAUTHENTICATED",
    `${action} needs an actor, because the platform was made with requireActor. Pass { actor }.`,
  );
}
