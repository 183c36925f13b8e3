import { OpenAPIHono, z } from "@hono/zod-openapi";
import type { MountedPath } from "./mounted.ts";
import type { Route } from "./route.ts";

const problem = z
  .object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      details: z.unknown(),
      retryable: z.boolean().openapi({ description: "Whether the same request may succeed later." }),
    }),
  })
  .openapi("Problem");

/** The OpenAPI 3.1 document of these routes, as JSON text. Paths are relative to `basePath`. */
export function openApiDocument(table: {
  readonly routes: readonly Route[];
  readonly mounted: readonly MountedPath[];
  readonly basePath: string;
}): string {
  const { openAPIRegistry: registry, getOpenAPI31Document } = new OpenAPIHono();
  registry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "A token that the host knows, or an access token of one instance.",
  });
  registry.register("Problem", problem);
  registry.registerComponent("responses", "Problem", {
    description: "Something is wrong, with the request or with the platform; `code` says what.",
    content: { "application/json": { schema: { $ref: "#/components/schemas/Problem" } } },
  });
  for (const { documentation } of table.routes) registry.registerPath(documentation);
  for (const { documentation } of table.mounted) for (const one of documentation) registry.registerPath(one);
  const document = getOpenAPI31Document({
    openapi: "3.1.1",
    info: {
      title: "Moorage",
      version: "1",
      description: "Hosts MCP servers and lets their tools be called.",
    },
    servers: [{ url: table.basePath || "/" }],
    security: [{ bearer: [] }],
  });
  return JSON.stringify(document);
}
