import { z } from "@hono/zod-openapi";
import { connectionView, describeConnection } from "../connection.ts";
import { queryText, wholeNumber } from "../queries.ts";
import {
  logLineView,
  mcpItemView,
  newAccessTokenView,
  pageOf,
  resourceStatsView,
  toolCallView,
} from "../record-views.ts";
import { defineRoute, jsonResponse, type Route } from "../route.ts";

const tag = "instances";
const MAX_TOOL_CALL_MS = 600_000;
const MAX_TOKEN_SECONDS = 31_536_000;

const toolCallInput = z.strictObject({
  arguments: z.record(z.string(), z.unknown()).optional(),
  sessionId: z.string().min(1).max(200).optional(),
  timeoutMs: z.int().min(1).max(MAX_TOOL_CALL_MS).optional(),
});

const tokenInput = z.strictObject({
  name: z.string().min(1).max(200).optional(),
  ttlSeconds: z.int().min(1).max(MAX_TOKEN_SECONDS).optional(),
});

/** Looking into an instance, calling its tools, and letting others call them. */
export const instanceUseRoutes: readonly Route[] = [
  defineRoute({
    method: "get",
    path: "/instances/{id}/logs",
    operationId: "getInstanceLogs",
    summary: "The newest lines the instance wrote, oldest first.",
    tag,
    query: z.strictObject({ limit: wholeNumber(1, 1_000).optional() }),
    success: { status: 200, description: "The lines.", schema: pageOf(logLineView) },
    answer: async ({ services, params, query, options }) =>
      onePage(await services.instances.logs(params.id, query, options)),
  }),
  defineRoute({
    method: "get",
    path: "/instances/{id}/stats",
    operationId: "getInstanceStats",
    summary: "What the instance uses of the machine it runs on.",
    tag,
    success: { status: 200, description: "One sample.", schema: resourceStatsView },
    answer: ({ services, params, options }) => services.instances.stats(params.id, options),
  }),
  defineRoute({
    method: "get",
    path: "/instances/{id}/connection",
    operationId: "getInstanceConnection",
    summary: "How MCP clients reach the instance, with snippets to paste. Holds no credential.",
    tag,
    success: { status: 200, description: "Address, headers, snippets.", schema: connectionView },
    answer: async ({ services, params, options, request, deps }) => {
      const { id, name } = await services.instances.get(params.id, options);
      const path = `${deps.basePath}/instances/${encodeURIComponent(id)}/mcp`;
      return describeConnection({ id, name, url: new URL(path, request.url).href });
    },
  }),
  itemsRoute("tools", "list"),
  itemsRoute("resources", "listResources"),
  itemsRoute("prompts", "listPrompts"),
  defineRoute({
    method: "post",
    path: "/instances/{id}/tools/{name}",
    operationId: "callTool",
    summary: "Calls a tool. A tool that reports an error is a result, too: 200 with `status: failed`.",
    tag,
    body: toolCallInput.optional(),
    isRateLimited: false,
    success: { status: 200, description: "The result, as the server sent it.", schema: toolCallView },
    answer: ({ services, params, body = {}, options }) => {
      const { arguments: input, ...callOptions } = body;
      const call = { name: params.name, ...(input && { arguments: input }) };
      return services.tools.call(params.id, call, { ...options, ...callOptions });
    },
  }),
  defineRoute({
    method: "post",
    path: "/instances/{id}/tokens",
    operationId: "createAccessToken",
    summary: "Makes an access token for this instance alone. Its text is in this answer and nowhere else.",
    tag,
    body: tokenInput.optional(),
    success: { status: 201, description: "The token.", schema: newAccessTokenView },
    answer: async ({ services, params, body = {}, options }) =>
      jsonResponse(await services.instances.createToken(params.id, body, options), { status: 201 }),
  }),
  defineRoute({
    method: "delete",
    path: "/instances/{id}/tokens",
    operationId: "revokeAccessTokens",
    summary: "Revokes the token that `tokenId` names, or all of the instance.",
    tag,
    query: z.strictObject({ tokenId: queryText.optional() }),
    success: { status: 200, description: "How many.", schema: z.object({ revoked: z.int() }) },
    answer: async ({ services, params, query, options }) => ({
      revoked: await services.instances.revokeTokens(params.id, query, options),
    }),
  }),
];

function itemsRoute(
  kind: "tools" | "resources" | "prompts",
  operation: "list" | "listResources" | "listPrompts",
): Route {
  return defineRoute({
    method: "get",
    path: `/instances/{id}/${kind}`,
    operationId: `list${kind.charAt(0).toUpperCase()}${kind.slice(1)}`,
    summary: `The instance's ${kind}, as its server describes them.`,
    tag,
    success: { status: 200, description: "All of them.", schema: pageOf(mcpItemView) },
    answer: async ({ services, params, options }) =>
      onePage(await services.tools[operation](params.id, options)),
  });
}

function onePage<Item>(items: readonly Item[]) {
  return { items, nextCursor: null };
}
