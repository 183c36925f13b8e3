import { z } from "@hono/zod-openapi";
import type { PlatformEvents, PlatformEventType } from "../../events.ts";
import { invalidInput } from "../../input.ts";
import { ownedParameters, queryText, wholeNumber } from "../queries.ts";
import { eventView, pageOf } from "../record-views.ts";
import { defineRoute, type Route } from "../route.ts";
import { eventStream } from "../stream.ts";

const tag = "events";

const eventTypes = {
  "server.registered": true,
  "server.updated": true,
  "server.approved": true,
  "server.removed": true,
  "instance.created": true,
  "instance.starting": true,
  "instance.running": true,
  "instance.stopping": true,
  "instance.stopped": true,
  "instance.suspended": true,
  "instance.failed": true,
  "instance.expiring": true,
  "instance.health": true,
  "instance.deleted": true,
  "secret.stored": true,
  "secret.rotated": true,
  "secret.expiring": true,
  "secret.expired": true,
  "secret.removed": true,
} as const satisfies Record<keyof PlatformEvents, true>;

const sequence = wholeNumber(0, Number.MAX_SAFE_INTEGER);

const filterParameters = {
  ownerId: ownedParameters.ownerId,
  type: z.enum(Object.keys(eventTypes) as PlatformEventType[]).optional(),
  subjectId: queryText.optional(),
  after: sequence.optional(),
};

/** What happened on the platform, as a list and as it happens. */
export const eventRoutes: readonly Route[] = [
  defineRoute({
    method: "get",
    path: "/events",
    operationId: "listEvents",
    summary: "Events, newest first; with `after`, those that followed this sequence, oldest first.",
    tag,
    query: z.strictObject({ ...ownedParameters, ...filterParameters }),
    success: { status: 200, description: "One page.", schema: pageOf(eventView) },
    answer: ({ services, query, options }) => services.events.list(query, options),
  }),
  defineRoute({
    method: "get",
    path: "/events/stream",
    operationId: "streamEvents",
    summary:
      "Server-sent events: each has its sequence as `id`. Begins after `Last-Event-ID` or `after`, else now.",
    tag,
    query: z.strictObject(filterParameters),
    success: {
      status: 200,
      description: "A stream; its data are events.",
      schema: eventView,
      mediaType: "text/event-stream",
    },
    answer: async ({ services, request, query, options, deps }) => {
      const { after = undefined, ...filter } = { ...query, ...lastEventId(request) };
      if (request.method === "HEAD") return new Response(null, { headers: streamHeaders });
      const stream = await eventStream({
        events: services.events,
        clock: deps.clock,
        logger: deps.logger,
        actor: options.actor,
        filter,
        signals: [options.signal, ...(deps.closing ? [deps.closing] : [])],
        ...(after !== undefined && { after }),
      });
      return new Response(stream, { headers: streamHeaders });
    },
  }),
];

const streamHeaders = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};

/** What a client that comes back has seen last; it knows better than the address it was first given. */
function lastEventId(request: Request): { readonly after?: number } {
  const header = request.headers.get("last-event-id");
  if (header === null || header === "") return {};
  const parsed = sequence.safeParse(header);
  if (parsed.success) return { after: parsed.data };
  throw invalidInput("headers", [{ path: "last-event-id", message: "must be a whole number" }]);
}
