import { type RouteConfig, z } from "@hono/zod-openapi";
import type { JsonSchema } from "./server-input.ts";

export type HttpMethod = "get" | "post" | "put" | "patch" | "delete";

/** What a route answers when all went well; without a schema there is no body. */
export interface SuccessDocumentation {
  readonly status: number;
  readonly description: string;
  readonly schema?: z.ZodType;
  /** `application/json` if left out. */
  readonly mediaType?: string;
}

/** The part of a route that the OpenAPI document shows. */
export interface RouteDocumentation {
  readonly method: HttpMethod;
  /** As OpenAPI writes it: `/servers/{id}`. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly tag: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** The body's JSON schema, where the route hands the body on unparsed. */
  readonly bodyDocumentation?: JsonSchema;
  readonly success: SuccessDocumentation;
  /** Further documented outcomes by status. */
  readonly alsoAnswers?: Readonly<Record<number, string>>;
}

/** The route as the OpenAPI registry takes it. */
export function documentationOf(route: RouteDocumentation): RouteConfig {
  const { method, path, operationId, summary, tag } = route;
  const others = Object.entries(route.alsoAnswers ?? {}).map(
    ([status, description]) => [status, { description }] as const,
  );
  return {
    method,
    path,
    operationId,
    summary,
    tags: [tag],
    request: requestOf(route),
    responses: {
      [route.success.status]: successOf(route.success),
      ...Object.fromEntries(others),
      default: { $ref: "#/components/responses/Problem" },
    },
  };
}

function successOf({ description, schema, mediaType = "application/json" }: SuccessDocumentation) {
  return schema ? { description, content: { [mediaType]: { schema } } } : { description };
}

function requestOf(route: RouteDocumentation): NonNullable<RouteConfig["request"]> {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "");
  const params = z.object(Object.fromEntries(names.map((name) => [name, z.string()])));
  const schema = route.bodyDocumentation ?? route.body;
  const required = route.body !== undefined && !route.body.safeParse(undefined).success;
  return {
    ...(names.length > 0 && { params }),
    ...(route.query && { query: route.query }),
    ...(schema && { body: { required, content: { "application/json": { schema } } } }),
  };
}
