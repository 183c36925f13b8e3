import type { IncomingMessage, ServerResponse } from "node:http";
import { normalizeBasePath } from "./http/paths.ts";
import { type MountablePlatform, toNodeHandler } from "./node.ts";

/** What is used of Fastify's reply. */
export interface FastifyReplyLike {
  readonly raw: ServerResponse;
  getHeaders(): Record<string, number | string | string[] | undefined>;
  hijack(): unknown;
}

/** What is used of a Fastify instance. */
export interface FastifyLike {
  readonly prefix: string;
  removeAllContentTypeParsers(): void;
  addContentTypeParser(
    contentType: string,
    parser: (request: unknown, payload: unknown, done: (error: Error | null) => void) => void,
  ): unknown;
  all(
    path: string,
    handler: (request: { readonly raw: IncomingMessage }, reply: FastifyReplyLike) => void,
  ): unknown;
}

/**
 * A Fastify plugin: `app.register(toFastify(platform))`; a `prefix` must be the beginning of the platform's `basePath`.
 * Bodies reach the platform unparsed; hooks run before it, and headers they set are kept.
 */
export function toFastify(platform: MountablePlatform): (instance: FastifyLike) => Promise<void> {
  const listener = toNodeHandler(platform);
  const basePath = normalizeBasePath(platform.basePath);
  return async (instance) => {
    instance.removeAllContentTypeParsers();
    instance.addContentTypeParser("*", (_request, _payload, done) => done(null));
    const prefix = normalizeBasePath(instance.prefix);
    const path = basePath.startsWith(prefix) ? basePath.slice(prefix.length) : basePath;
    const handle = (request: { readonly raw: IncomingMessage }, reply: FastifyReplyLike) => {
      reply.hijack();
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value);
      }
      listener(request.raw, reply.raw);
    };
    instance.all(path || "/", handle);
    instance.all(`${path}/*`, handle);
  };
}
