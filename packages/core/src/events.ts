import type { Instance } from "./instances/instance.ts";
import type { Connection } from "./store/database.ts";

/** Every event of the platform with the data it carries. Data never hold a secret. */
export interface PlatformEvents {
  "server.registered": { readonly serverId: string; readonly name: string };
  "server.updated": { readonly serverId: string; readonly name: string };
  "server.approved": { readonly serverId: string; readonly hash: string; readonly approvedBy: string | null };
  "server.removed": { readonly serverId: string };
  "instance.created": InstanceEventData;
  "instance.starting": InstanceEventData;
  "instance.running": InstanceEventData;
  "instance.stopping": InstanceEventData;
  "instance.stopped": InstanceEventData;
  "instance.suspended": InstanceEventData;
  "instance.failed": InstanceEventData & { readonly message: string };
  "instance.expiring": InstanceEventData & { readonly expiresAt: string };
  "instance.health": InstanceEventData & { readonly health: Instance["health"] };
  "instance.deleted": InstanceEventData;
  "secret.stored": SecretEventData;
  "secret.rotated": SecretEventData & { readonly previousUntil: string | null };
  /** `daysLeft` is 14, 7 or 1. */
  "secret.expiring": SecretEventData & { readonly expiresAt: string; readonly daysLeft: number };
  "secret.expired": SecretEventData & { readonly expiresAt: string };
  "secret.removed": SecretEventData;
}

export interface InstanceEventData {
  readonly instanceId: string;
  readonly state: Instance["state"];
  readonly reason: Instance["reason"];
  readonly generation: number;
}

export interface SecretEventData {
  readonly scope: string;
  readonly scopeId: string | null;
  readonly name: string;
  readonly version?: number;
}

export type PlatformEventType = keyof PlatformEvents;

/** An event as it is stored and delivered. `sequence` orders all events of one database. */
export interface PlatformEvent<Type extends PlatformEventType = PlatformEventType> {
  readonly sequence: number;
  readonly id: string;
  readonly type: Type;
  readonly ownerId: string | null;
  /** The server's, instance's or secret's id. */
  readonly subjectId: string | null;
  readonly data: PlatformEvents[Type];
  readonly createdAt: string;
}

export interface NewEvent<Type extends PlatformEventType = PlatformEventType> {
  readonly type: Type;
  readonly ownerId: string | null;
  readonly subjectId: string | null;
  readonly data: PlatformEvents[Type];
}

/** Writes events into the outbox, in the transaction of the state they report. */
export interface EventPublisher {
  /** Stores the event; it is delivered once the transaction has committed and `deliver` ran. */
  record<Type extends PlatformEventType>(transaction: Connection, event: NewEvent<Type>): Promise<void>;
  /** Hands recorded events to the listeners of this process, in order; called after a commit. */
  deliver(): Promise<void>;
}
