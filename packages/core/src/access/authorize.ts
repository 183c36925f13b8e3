import type { Actor } from "./actor.ts";

/** Everything that can be asked of a platform, as `noun.verb`. */
export const ACTIONS = [
  "server.read",
  "server.create",
  "server.update",
  "server.remove",
  "server.approve",
  "instance.read",
  "instance.create",
  "instance.update",
  "instance.start",
  "instance.stop",
  "instance.remove",
  "instance.call",
  "token.create",
  "token.revoke",
  "secret.read",
  "secret.write",
  "secret.remove",
  "event.read",
  "usage.read",
  "audit.read",
] as const;
export type Action = (typeof ACTIONS)[number];

/** What the action is about. */
export interface AccessSubject {
  readonly type: "server" | "instance" | "token" | "secret" | "event" | "usage" | "audit";
  readonly id: string | null;
  /** Whose it is; null means anybody's, as in a list over all owners. */
  readonly ownerId: string | null;
  /** A `public` server definition may be read and used by everybody. */
  readonly visibility?: "private" | "public";
}

export interface AccessRequest {
  readonly actor: Actor;
  readonly action: Action;
  readonly subject: AccessSubject;
}

/** Decides; the host may pass its own. It is asked for every operation that has an actor. */
export type Authorizer = (request: AccessRequest) => boolean | Promise<boolean>;

/** The checks that every operation makes, with the host's authorizer inside. */
export interface Access {
  /**
   * Returns if the actor may. Otherwise throws: `NOT_FOUND`, the same as for an id that does not exist, where
   * the actor may not even read the subject; `FORBIDDEN` where it may read it; `UNAUTHENTICATED` where there is no
   * actor and the platform requires one. Denials are audited.
   */
  require(actor: Actor | undefined, action: Action, subject: AccessSubject): Promise<void>;
  /** Whose rows a list may show: an owner's id, or undefined for everybody's. */
  visibleOwner(actor: Actor | undefined, action: Action, wanted?: string): Promise<string | undefined>;
  /** True where `require` would return; nothing is thrown or audited. */
  allows(actor: Actor | undefined, action: Action, subject: AccessSubject): Promise<boolean>;
}
