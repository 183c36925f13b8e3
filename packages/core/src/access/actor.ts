/** Somebody who asks: made by the host's `authenticate`, or by the platform from an access token. */
export interface Actor {
  /** The user; what the actor creates is owned by this id. */
  readonly id: string;
  readonly roles?: readonly string[];
  /** Set by the platform when the actor came with an instance's access token: it may use that instance only. */
  readonly instanceId?: string;
}

/** Ends every operation. No actor means the host's own, trusted code. */
export interface ActorOptions {
  readonly actor?: Actor;
  readonly signal?: AbortSignal;
}
