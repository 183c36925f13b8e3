import { isPlatformError } from "../errors.ts";
import { uuidV7 } from "../ids.ts";
import type { HttpDeps } from "./dependencies.ts";
import { mountedPaths } from "./mounted.ts";
import { openApiDocument } from "./openapi.ts";
import { normalizeBasePath, pathBelow, pathOf } from "./paths.ts";
import { noSuchRoute, problemResponse } from "./problem.ts";
import { createRouter } from "./router.ts";
import { routeTable } from "./routes/table.ts";

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * Makes the platform's web handler: one `Request` in, one `Response` out, and never an exception. Whatever goes wrong is
 * answered with `{ error: { code, message, details, retryable } }`; the cause of an `INTERNAL` goes to the logger.
 */
export function createHttpHandler(hostDeps: HttpDeps): (request: Request) => Promise<Response> {
  const deps = { ...hostDeps, basePath: normalizeBasePath(hostDeps.basePath) };
  const ids = deps.ids ?? uuidV7;
  const dispatch = createDispatch(deps);
  return async (request) => {
    const path = pathOf(request.url);
    const requestId = requestIdOf(request) ?? ids();
    try {
      return finish(request, await dispatch(request, path), requestId);
    } catch (error) {
      report(error, { deps, request, path, requestId });
      return finish(request, problemResponse(error), requestId);
    }
  };
}

function createDispatch(deps: HttpDeps): (request: Request, path: string) => Promise<Response> {
  let document: string | null = null;
  const router = createRouter(routeTable, deps, () => {
    document ??= openApiDocument({ routes: routeTable, mounted: mountedPaths, basePath: deps.basePath });
    return document;
  });
  return async (request, path) => {
    const below = pathBelow(path, deps.basePath);
    if (below === null) throw noSuchRoute(request.method, path);
    for (const mounted of mountedPaths) {
      const parameter = mounted.pattern.exec(below)?.[1];
      if (parameter !== undefined) return mounted.answer(deps, request, parameter);
    }
    return router.answer(request, below);
  };
}

function requestIdOf(request: Request): string | null {
  const sent = request.headers.get("x-request-id");
  return sent !== null && REQUEST_ID.test(sent) ? sent : null;
}

/** Adds what every response has. Headers that were set stay; a response whose headers are sealed is wrapped. */
function finish(request: Request, response: Response, requestId: string): Response {
  if (request.method === "HEAD" && response.body !== null) {
    response.body.cancel().catch(() => {});
    return finish(request, new Response(null, response), requestId);
  }
  try {
    const { headers } = response;
    headers.set("x-request-id", requestId);
    headers.set("x-content-type-options", "nosniff");
    if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
    return response;
  } catch {
    return finish(request, new Response(response.body, response), requestId);
  }
}

function report(
  error: unknown,
  at: {
    readonly deps: HttpDeps;
    readonly request: Request;
    readonly path: string;
    readonly requestId: string;
  },
): void {
  const details = { error, requestId: at.requestId, method: at.request.method, path: at.path };
  if (!isPlatformError(error)) at.deps.logger.error(details, "a request failed unexpectedly");
  else if (error.status >= 500) at.deps.logger.warn(details, `a request failed with ${error.code}`);
}
