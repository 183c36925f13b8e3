import { z } from "@hono/zod-openapi";
import type { HttpDeps } from "../dependencies.ts";
import { definePublicRoute, defineRoute, jsonResponse, type Route } from "../route.ts";
import { platformStatsView } from "../usage-views.ts";

const healthView = z
  .looseObject({ status: z.enum(["ok", "failing"]), database: z.enum(["ok", "failing"]) })
  .openapi("Health");

/** The platform itself: is it well, what can it do, how much is there. */
export const platformRoutes: readonly Route[] = [
  definePublicRoute({
    method: "get",
    path: "/health",
    operationId: "getHealth",
    summary: "Whether the platform can work. Needs no credentials.",
    tag: "platform",
    success: { status: 200, description: "It can.", schema: healthView },
    alsoAnswers: { 503: "It cannot; the body is the same as with 200, with `status: failing`." },
    answer: ({ deps }) => health(deps),
  }),
  definePublicRoute({
    method: "get",
    path: "/openapi.json",
    operationId: "getOpenApiDocument",
    summary: "This document. Needs no credentials.",
    tag: "platform",
    success: { status: 200, description: "OpenAPI 3.1.", schema: z.looseObject({ openapi: z.string() }) },
    answer: ({ document }) => new Response(document(), { headers: { "content-type": "application/json" } }),
  }),
  defineRoute({
    method: "get",
    path: "/stats",
    operationId: "getStats",
    summary: "Counts of servers, of instances by state, and of tool calls.",
    tag: "platform",
    success: { status: 200, description: "The counts.", schema: platformStatsView },
    answer: ({ services, options }) => services.stats(options),
  }),
];

async function health(deps: HttpDeps): Promise<Response> {
  const report = await deps.health();
  const isWell = report.database === "ok";
  return jsonResponse({ status: isWell ? "ok" : "failing", ...report }, { status: isWell ? 200 : 503 });
}
