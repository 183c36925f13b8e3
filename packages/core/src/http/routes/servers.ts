import { z } from "@hono/zod-openapi";
import type { ServerDefinitionSource } from "../../catalog/server-definition.ts";
import { ownedParameters, queryText } from "../queries.ts";
import { pageOf } from "../record-views.ts";
import { defineRoute, jsonResponse, type Route } from "../route.ts";
import { serverChanges, serverInput } from "../server-input.ts";
import { jsonObject } from "../validate.ts";
import { serverView } from "../views.ts";

const tag = "servers";

/** The catalog. Its definitions are validated where they are kept, for callers in process as well. */
export const serverRoutes: readonly Route[] = [
  defineRoute({
    method: "get",
    path: "/servers",
    operationId: "listServers",
    summary: "Server definitions, newest first.",
    tag,
    query: z.strictObject({ ...ownedParameters, search: queryText.optional() }),
    success: { status: 200, description: "One page.", schema: pageOf(serverView) },
    answer: ({ services, query, options }) => services.catalog.list(query, options),
  }),
  defineRoute({
    method: "post",
    path: "/servers",
    operationId: "registerServer",
    summary: "Adds a server definition.",
    tag,
    body: jsonObject<ServerDefinitionSource>(),
    bodyDocumentation: serverInput,
    success: { status: 201, description: "It is in the catalog.", schema: serverView },
    answer: async ({ services, body, options, deps }) => {
      const server = await services.catalog.register(body, options);
      const location = `${deps.basePath}/servers/${encodeURIComponent(server.id)}`;
      return jsonResponse(server, { status: 201, headers: { location } });
    },
  }),
  defineRoute({
    method: "post",
    path: "/servers/import",
    operationId: "importServers",
    summary: "Adds what a registry `server.json` or an `mcpServers` configuration names.",
    tag,
    body: jsonObject(),
    bodyDocumentation: { type: "object", additionalProperties: true },
    success: { status: 201, description: "All are in the catalog.", schema: pageOf(serverView) },
    answer: async ({ services, body, options }) => ({
      items: await services.catalog.import(body, options),
      nextCursor: null,
    }),
  }),
  defineRoute({
    method: "get",
    path: "/servers/{id}",
    operationId: "getServer",
    summary: "One server definition.",
    tag,
    success: { status: 200, description: "The definition.", schema: serverView },
    answer: ({ services, params, options }) => services.catalog.get(params.id, options),
  }),
  defineRoute({
    method: "patch",
    path: "/servers/{id}",
    operationId: "updateServer",
    summary: "Changes some members. A change of what would run needs a new approval.",
    tag,
    body: jsonObject<Partial<ServerDefinitionSource>>(),
    bodyDocumentation: serverChanges,
    success: { status: 200, description: "The changed definition.", schema: serverView },
    answer: ({ services, params, body, options }) => services.catalog.update(params.id, body, options),
  }),
  defineRoute({
    method: "delete",
    path: "/servers/{id}",
    operationId: "removeServer",
    summary: "Removes a definition that no instance uses.",
    tag,
    success: { status: 204, description: "It is gone." },
    answer: ({ services, params, options }) => services.catalog.remove(params.id, options),
  }),
  defineRoute({
    method: "post",
    path: "/servers/{id}/approve",
    operationId: "approveServer",
    summary: "Allows the definition with exactly this hash to run on the host.",
    tag,
    body: z.strictObject({ hash: z.string().min(1).max(200) }),
    success: { status: 200, description: "The approved definition.", schema: serverView },
    answer: ({ services, params, body, options }) => services.catalog.approve(params.id, body, options),
  }),
];
