import { type RouteConfig, z } from "@hono/zod-openapi";
import type { Actor } from "../access/actor.ts";
import { readJson } from "./body.ts";
import type { HttpDeps, HttpServices } from "./dependencies.ts";
import { queryOf } from "./queries.ts";
import { documentationOf, type HttpMethod, type RouteDocumentation } from "./route-documentation.ts";
import { type Exact, parseRequest } from "./validate.ts";

type PathParameter<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | PathParameter<Rest>
  : never;

/** What a route's answer is made from: everything is parsed, and the actor is known. */
export interface Exchange<Path extends string, Query, Body> {
  readonly deps: HttpDeps;
  readonly services: HttpServices;
  readonly request: Request;
  readonly params: Readonly<Record<PathParameter<Path>, string>>;
  readonly query: Query;
  readonly body: Body;
  /** The last argument of every operation. */
  readonly options: { readonly actor: Actor; readonly signal: AbortSignal };
}

/** A route as it is written down: what it takes, what it answers with, and how. */
export interface RouteDefinition<
  Path extends string,
  QuerySchema extends z.ZodObject,
  BodySchema extends z.ZodType,
> extends RouteDocumentation {
  readonly path: Path;
  readonly query?: QuerySchema;
  readonly body?: BodySchema;
  /** `false`: does not count against the `api` rate limit, because the operation has one of its own. */
  readonly isRateLimited?: boolean;
  /** Answers with a value for the body (`undefined`: none), or with a whole response. */
  answer(
    exchange: Exchange<Path, Exact<z.output<QuerySchema>>, Exact<z.output<BodySchema>>>,
  ): Promise<unknown>;
}

/** A request that found its route, its path parameters decoded. */
export interface RoutedRequest {
  readonly deps: HttpDeps;
  readonly request: Request;
  readonly params: Readonly<Record<string, string>>;
  /** Null on public routes only. */
  readonly actor: Actor | null;
  /** The OpenAPI document, as JSON text. */
  document(): string;
}

/** One row of the route table. */
export interface Route {
  readonly method: HttpMethod;
  readonly path: string;
  readonly isPublic: boolean;
  readonly isRateLimited: boolean;
  readonly documentation: RouteConfig;
  /** Parses the request and answers it; throws a `PlatformError` for everything that is wrong with it. */
  answer(routed: RoutedRequest): Promise<Response>;
}

const noParameters = z.strictObject({});
const noBody = z.strictObject({}).optional();

/** A route for known actors. Query and body are parsed strictly; what it does not name must not be sent. */
export function defineRoute<
  const Path extends string,
  QuerySchema extends z.ZodObject = z.ZodObject<Record<never, never>>,
  BodySchema extends z.ZodType = z.ZodUndefined,
>(definition: RouteDefinition<Path, QuerySchema, BodySchema>): Route {
  const { method, path, success } = definition;
  return {
    method,
    path,
    isPublic: false,
    isRateLimited: definition.isRateLimited ?? true,
    documentation: documentationOf(definition),
    async answer({ deps, request, params, actor }) {
      if (!actor) throw new Error(`${method} ${path} was dispatched without an actor`);
      const query = parseRequest(definition.query ?? noParameters, queryOf(request.url), "query");
      const body = await parseBody(request, { method, schema: definition.body, deps });
      const answer = await definition.answer({
        deps,
        services: deps.services,
        request,
        params: params as Readonly<Record<PathParameter<Path>, string>>,
        query: query as Exact<z.output<QuerySchema>>,
        body: body as Exact<z.output<BodySchema>>,
        options: { actor, signal: request.signal },
      });
      return answer instanceof Response ? answer : jsonResponse(answer, { status: success.status });
    },
  };
}

/** A route that answers everybody, and takes neither query nor body. */
export function definePublicRoute(
  definition: Omit<RouteDocumentation, "query" | "body" | "bodyDocumentation"> & {
    answer(routed: RoutedRequest): Promise<Response> | Response;
  },
): Route {
  const { method, path } = definition;
  const documentation = { ...documentationOf(definition), security: [] };
  const answer = async (routed: RoutedRequest) => definition.answer(routed);
  return { method, path, isPublic: true, isRateLimited: false, documentation, answer };
}

/** A JSON response; `undefined` makes an empty one. */
export function jsonResponse(
  value: unknown,
  init: { readonly status: number; readonly headers?: Readonly<Record<string, string>> },
): Response {
  if (value === undefined) return new Response(null, init);
  const headers = { "content-type": "application/json", ...init.headers };
  return new Response(JSON.stringify(value), { status: init.status, headers });
}

async function parseBody(
  request: Request,
  route: {
    readonly method: HttpMethod;
    readonly schema: z.ZodType | undefined;
    readonly deps: HttpDeps;
  },
): Promise<unknown> {
  if (route.method === "get") return undefined;
  const value = await readJson(request, route.deps.requestBytes);
  return parseRequest(route.schema ?? noBody, value, "body");
}
