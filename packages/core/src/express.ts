import type { IncomingMessage, ServerResponse } from "node:http";
import { normalizeBasePath, pathBelow } from "./http/paths.ts";
import { type MountablePlatform, toNodeHandler } from "./node.ts";

/** What is used of Express's request, in its versions 4 and 5. */
export interface ExpressRequest extends IncomingMessage {
  /** The path with what `app.use(path)` took off. */
  readonly originalUrl?: string;
  /** Set by a body parser that ran before. */
  readonly body?: unknown;
}

/** Middleware as Express calls it. */
export type ExpressHandler = (
  request: ExpressRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Express middleware: `app.use(toExpress(platform))`, or mounted at the platform's own `basePath`. What is outside of
 * `basePath` goes to the next handler. A body parser may run before; its size limit counts then, too.
 */
export function toExpress(platform: MountablePlatform): ExpressHandler {
  const listener = toNodeHandler(platform);
  const basePath = normalizeBasePath(platform.basePath);
  return (request, response, next) => {
    const url = request.originalUrl ?? request.url ?? "/";
    const path = url.split("?", 1)[0] ?? "/";
    if (pathBelow(path, basePath) === null) return next();
    if (request.readableDidRead && request.body !== undefined) {
      // The listener takes a `rawBody` in place of the stream, which has been read to its end.
      Object.assign(request, { rawBody: bytesOf(request.body) });
    }
    request.url = url;
    listener(request, response);
  };
}

function bytesOf(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}
