import { isPlatformError, PlatformError, toPlatformError } from "../errors.ts";

/** What every failed request is answered with. */
export interface ProblemBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly details: unknown;
    readonly retryable: boolean;
  };
}

/** The error's public side: never its cause, never its stack. */
export function problemBody(error: PlatformError): ProblemBody {
  const { code, message, retryable } = error;
  return { error: { code, message, details: error.details ?? null, retryable } };
}

/** Anything thrown, as the HTTP answer to it. What is not a {@link PlatformError} becomes `INTERNAL`, without its text. */
export function problemResponse(thrown: unknown): Response {
  const error = toPlatformError(thrown);
  try {
    return new Response(JSON.stringify(problemBody(error)), {
      status: error.status,
      headers: { "content-type": "application/json", ...problemHeaders(error) },
    });
  } catch (unserialisable) {
    return problemResponse(toPlatformError(unserialisable));
  }
}

/** Refuses a path nothing answers at. */
export function noSuchRoute(method: string, path: string): PlatformError {
  return new PlatformError(
    "NOT_FOUND",
    `Nothing answers ${method} ${path}. GET /openapi.json lists every route.`,
  );
}

/** Refuses a method that the path, which exists, does not take. */
export function methodNotAllowed(method: string, allowed: readonly string[]): PlatformError {
  return new PlatformError(
    "METHOD_NOT_ALLOWED",
    `${method} is not possible here. Possible is: ${allowed.join(", ")}.`,
    { details: { allowed } },
  );
}

function problemHeaders(error: PlatformError): Record<string, string> {
  if (error.code === "UNAUTHENTICATED") return { "www-authenticate": "Bearer" };
  if (isPlatformError(error, "RATE_LIMITED")) return rateLimitHeaders(error.details?.retryAfterMs);
  if (isPlatformError(error, "METHOD_NOT_ALLOWED")) return allowHeader(error.details?.allowed);
  return {};
}

function rateLimitHeaders(retryAfterMs: number | undefined): Record<string, string> {
  const seconds = String(Math.max(1, Math.ceil((retryAfterMs ?? 1_000) / 1_000)));
  return { "retry-after": seconds, "ratelimit-remaining": "0", "ratelimit-reset": seconds };
}

function allowHeader(allowed: unknown): Record<string, string> {
  return Array.isArray(allowed) ? { allow: allowed.join(", ") } : {};
}
