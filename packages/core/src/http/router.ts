import { Hono } from "hono";
import { requireActor } from "./authenticate.ts";
import type { HttpDeps } from "./dependencies.ts";
import { decodeSegment } from "./paths.ts";
import { methodNotAllowed, noSuchRoute } from "./problem.ts";
import type { Route } from "./route.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** Answers requests at the table's paths. */
export interface Router {
  /** `path` is the request's path below the base path. Rejects with a `PlatformError` for what it cannot answer. */
  answer(request: Request, path: string): Promise<Response>;
}

interface Bindings {
  readonly Bindings: { readonly path: string };
}

/** Builds the router once, for all requests. */
export function createRouter(routes: readonly Route[], deps: HttpDeps, document: () => string): Router {
  const app = new Hono<Bindings>({ getPath: (_request, options) => options?.env?.path ?? "/" });
  for (const route of routes) {
    app.on(route.method.toUpperCase(), honoPath(route.path), async (context) => {
      const request = context.req.raw;
      const params = decodeParams(route.path, context.env.path);
      const actor = route.isPublic ? null : await requireActor(request, deps);
      if (actor && route.isRateLimited) await deps.rateLimits.consume("api", { actor });
      return route.answer({ deps, request, params, actor, document });
    });
  }
  const methodsOf = (path: string) =>
    METHODS.filter((method) => app.router.match(method, path)[0].length > 0);
  app.notFound(({ req, env }) => {
    const allowed = methodsOf(env.path);
    throw allowed.length > 0
      ? methodNotAllowed(req.method, withHead(allowed))
      : noSuchRoute(req.method, env.path);
  });
  app.onError((error) => {
    throw error;
  });
  return { answer: async (request, path) => app.fetch(request, { path }) };
}

function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

/** Read from the path as it was sent, because the router's own decoding forgives what is broken. */
function decodeParams(template: string, path: string): Record<string, string> {
  const sent = path.split("/");
  const params: Record<string, string> = {};
  for (const [index, segment] of template.split("/").entries()) {
    if (segment.startsWith("{")) params[segment.slice(1, -1)] = decodeSegment(sent[index] ?? "");
  }
  return params;
}

function withHead(methods: readonly string[]): readonly string[] {
  return methods.includes("GET") ? ["GET", "HEAD", ...methods.filter((method) => method !== "GET")] : methods;
}
