import { z } from "@hono/zod-openapi";
import { INSTANCE_STATES } from "../../instances/instance.ts";
import { instanceChangesSchema, instanceInputSchema } from "../../instances/instance-schema.ts";
import { ownedParameters, queryBoolean, queryText } from "../queries.ts";
import { pageOf } from "../record-views.ts";
import { defineRoute, jsonResponse, type Route } from "../route.ts";
import { instanceView, toInstanceView } from "../views.ts";

const tag = "instances";

/** Instances themselves; what one can do with a running one is in `instance-use.ts`. */
export const instanceRoutes: readonly Route[] = [
  defineRoute({
    method: "get",
    path: "/instances",
    operationId: "listInstances",
    summary: "Instances, newest first.",
    tag,
    query: z.strictObject({
      ...ownedParameters,
      serverId: queryText.optional(),
      state: z.enum(INSTANCE_STATES).optional(),
      includeDeleted: queryBoolean.optional(),
    }),
    success: { status: 200, description: "One page.", schema: pageOf(instanceView) },
    answer: async ({ services, query, options }) => {
      const page = await services.instances.list(query, options);
      return { items: page.items.map(toInstanceView), nextCursor: page.nextCursor };
    },
  }),
  defineRoute({
    method: "post",
    path: "/instances",
    operationId: "createInstance",
    summary:
      "Creates an instance, starts it, and waits until it runs; with `Prefer: respond-async` it does not wait.",
    tag,
    // Whose it is follows from who asks.
    body: instanceInputSchema.omit({ ownerId: true }),
    success: {
      status: 201,
      description: "It runs, or was created with `enabled: false`.",
      schema: instanceView,
    },
    alsoAnswers: { 202: "It is starting; the body is the instance. For `Prefer: respond-async`." },
    answer: async ({ services, request, body, options, deps }) => {
      const wait = !prefersAsync(request);
      const instance = await services.instances.create(body, { ...options, wait });
      const headers = {
        location: `${deps.basePath}/instances/${encodeURIComponent(instance.id)}`,
        ...(!wait && { "preference-applied": "respond-async" }),
      };
      return jsonResponse(toInstanceView(instance), { status: wait ? 201 : 202, headers });
    },
  }),
  defineRoute({
    method: "get",
    path: "/instances/{id}",
    operationId: "getInstance",
    summary: "One instance.",
    tag,
    success: { status: 200, description: "The instance.", schema: instanceView },
    answer: async ({ services, params, options }) =>
      toInstanceView(await services.instances.get(params.id, options)),
  }),
  defineRoute({
    method: "patch",
    path: "/instances/{id}",
    operationId: "updateInstance",
    summary: "Changes name, environment or timing. What runs keeps its environment until it is restarted.",
    tag,
    body: instanceChangesSchema,
    success: { status: 200, description: "The changed instance.", schema: instanceView },
    answer: async ({ services, params, body, options }) =>
      toInstanceView(await services.instances.update(params.id, body, options)),
  }),
  defineRoute({
    method: "delete",
    path: "/instances/{id}",
    operationId: "removeInstance",
    summary: "Stops the instance and removes it.",
    tag,
    success: { status: 204, description: "It is gone." },
    answer: ({ services, params, options }) => services.instances.remove(params.id, options),
  }),
  lifecycleRoute("start", "Starts it, and waits until it runs."),
  lifecycleRoute("stop", "Stops it, and waits until it has ended."),
  lifecycleRoute("restart", "Stops and starts it, with its present environment."),
  lifecycleRoute("restore", "Starts again what expired, crashed or was lost with its host."),
  lifecycleRoute("activity", "Says that it is in use: moves `autoStopAt`."),
];

function lifecycleRoute(verb: "start" | "stop" | "restart" | "restore" | "activity", summary: string): Route {
  const operation = verb === "activity" ? "touch" : verb;
  return defineRoute({
    method: "post",
    path: `/instances/{id}/${verb}`,
    operationId: `${operation}Instance`,
    summary,
    tag,
    success: { status: 200, description: "The instance afterwards.", schema: instanceView },
    answer: async ({ services, params, options }) =>
      toInstanceView(await services.instances[operation](params.id, options)),
  });
}

/** RFC 7240: preferences are separated by commas, their parameters follow a semicolon. */
function prefersAsync(request: Request): boolean {
  const preferences = request.headers.get("prefer")?.split(",") ?? [];
  return preferences.some((one) => one.split(";", 1)[0]?.trim().toLowerCase() === "respond-async");
}
