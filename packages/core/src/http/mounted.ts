import type { RouteConfig } from "@hono/zod-openapi";
import { z } from "@hono/zod-openapi";
import { PlatformError } from "../errors.ts";
import { requireActor } from "./authenticate.ts";
import { boundRequest, payloadTooLarge } from "./body.ts";
import type { HttpDeps } from "./dependencies.ts";
import { decodeSegment } from "./paths.ts";

/** A path whose requests are handed on whole, whatever their method: body unread, answer unchanged. */
export interface MountedPath {
  /** Matches the path below `basePath`; its group is the one path parameter. */
  readonly pattern: RegExp;
  readonly documentation: readonly RouteConfig[];
  answer(deps: HttpDeps, request: Request, parameter: string): Promise<Response>;
}

const mcpMethods = [
  ["post", "sendMcpMessage", "One message of MCP Streamable HTTP."],
  ["get", "openMcpStream", "The server's own messages, as server-sent events."],
  ["delete", "endMcpSession", "Ends an MCP session."],
] as const;

/** These come before the router, because most of a platform's requests are MCP messages. */
export const mountedPaths: readonly MountedPath[] = [
  {
    pattern: /^\/instances\/([^/]+)\/mcp$/,
    documentation: mcpMethods.map(([method, operationId, summary]) => ({
      method,
      path: "/instances/{id}/mcp",
      operationId,
      summary,
      tags: ["mcp"],
      request: { params: z.object({ id: z.string() }) },
      responses: {
        200: { description: "As MCP says." },
        default: { $ref: "#/components/responses/Problem" },
      },
    })),
    answer: answerMcp,
  },
  {
    pattern: /^\/plugins\/([^/]+)(?:\/.*)?$/,
    documentation: (["get", "post"] as const).map((method) => ({
      method,
      path: "/plugins/{name}/{path}",
      operationId: `${method}Plugin`,
      summary: "A plugin's own routes, with every method. The plugin authenticates them itself.",
      tags: ["plugins"],
      security: [],
      request: { params: z.object({ name: z.string(), path: z.string() }) },
      responses: {
        200: { description: "As the plugin says." },
        default: { $ref: "#/components/responses/Problem" },
      },
    })),
    answer: answerPlugin,
  },
];

async function answerMcp(deps: HttpDeps, request: Request, id: string): Promise<Response> {
  const actor = await requireActor(request, deps);
  const target = { instanceId: decodeSegment(id), actor };
  return withBoundBody(request, deps, (bounded) => deps.services.tools.handle(bounded, target));
}

async function answerPlugin(deps: HttpDeps, request: Request, segment: string): Promise<Response> {
  const name = decodeSegment(segment);
  const handle = deps.plugins.get(name);
  if (!handle) throw new PlatformError("NOT_FOUND", `No plugin with name "${name}" answers requests.`);
  return withBoundBody(request, deps, handle);
}

async function withBoundBody(
  request: Request,
  deps: HttpDeps,
  answer: (bounded: Request) => Promise<Response>,
): Promise<Response> {
  const bounded = boundRequest(request, deps.requestBytes);
  const response = await answer(bounded.request);
  if (typeof response?.status !== "number") throw new Error("what answered a request gave no Response");
  // Whoever read the body has seen it break off, and may have made something else of that.
  if (bounded.exceeded()) throw payloadTooLarge(deps.requestBytes);
  return response;
}
