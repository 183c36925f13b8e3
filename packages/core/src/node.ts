import type { IncomingMessage, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { PlatformError } from "./errors.ts";
import { problemResponse } from "./http/problem.ts";
import type { Platform } from "./platform-types.ts";

/** What an adapter needs of a platform. */
export type MountablePlatform = Pick<Platform, "handler" | "basePath">;

/** A listener for `http.createServer()`, and for everything that calls its handlers with the same two objects. */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Answers Node's requests with the platform. The request's signal is aborted when the client goes away. Paths outside
 * `basePath` are answered with 404.
 */
export function toNodeHandler(platform: MountablePlatform): NodeHandler {
  const listener = getRequestListener((request) => platform.handler(request), {
    // A request without a Host header has no address otherwise, and HTTP/1.0 allows that.
    hostname: "localhost",
    // A library leaves its host's global Request and Response alone.
    overrideGlobalObjects: false,
    errorHandler: (cause) => problemResponse(unreadableRequest(cause)),
  });
  return (request, response) => {
    void listener(request, response);
  };
}

function unreadableRequest(cause: unknown): PlatformError {
  return new PlatformError("INVALID_INPUT", "The request's address or its Host header is not valid.", {
    details: { issues: [{ path: "", message: "Send a valid path and Host header." }] },
    cause,
  });
}
