import type { Actor, ActorOptions } from "../access/actor.ts";
import type { RateLimits } from "../access/limits.ts";
import type { Clock } from "../clock.ts";
import type { IdFactory } from "../ids.ts";
import type { Logger } from "../logger.ts";
import type { Audit, Catalog, Events, Instances, PlatformStats, Secrets, Tools, Usage } from "../services.ts";

/** The platform's operations, as the routes call them; always with an actor. */
export interface HttpServices {
  readonly catalog: Catalog;
  readonly instances: Instances;
  readonly tools: Tools;
  readonly secrets: Secrets;
  readonly events: Events;
  readonly usage: Usage;
  readonly audit: Audit;
  readonly stats: (options?: ActorOptions) => Promise<PlatformStats>;
}

/** What `GET /health` answers besides its `status`. Everybody may read it: no names, no addresses, no messages. */
export interface HealthReport {
  readonly database: "ok" | "failing";
  readonly [component: string]: string | number | boolean;
}

/** Everything the HTTP handler needs of its platform. */
export interface HttpDeps {
  readonly services: HttpServices;
  /** The host's hook. It must leave the request's body unread. */
  readonly authenticate?: (request: Request) => Promise<Actor | null> | Actor | null;
  /** Whose instance access token (text that starts with `moorage_`) is this? Null: nobody's. */
  readonly authenticateToken: (token: string) => Promise<Actor | null>;
  readonly rateLimits: RateLimits;
  /** Largest request body, in bytes. */
  readonly requestBytes: number;
  /** Path below which every route lives; `""` or `/` for the root. */
  readonly basePath: string;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Makes the `x-request-id` of requests that bring none; UUIDs if left out. */
  readonly ids?: IdFactory;
  readonly health: () => Promise<HealthReport>;
  /** Plugin name to what answers below `/plugins/<name>`; it authenticates by itself. */
  readonly plugins: ReadonlyMap<string, (request: Request) => Promise<Response>>;
  /** Aborted when the platform closes: event streams end then. */
  readonly closing?: AbortSignal;
}
