import { PlatformError } from "../errors.ts";
import type { AccessSubject } from "./authorize.ts";

const LABELS: Readonly<Record<AccessSubject["type"], string>> = {
  server: "server definition",
  instance: "instance",
  token: "token",
  secret: "secret",
  event: "event",
  usage: "usage record",
  audit: "audit entry",
};

const MAXIMUM_SHOWN = 100;

/**
 * The `NOT_FOUND` error for an id. An id that does not exist and one that the actor may not see get this same
 * error, so that nobody can tell them apart.
 */
export function notFound(type: AccessSubject["type"], id: string): PlatformError<"NOT_FOUND"> {
  return new PlatformError("NOT_FOUND", `No ${LABELS[type]} with id "${id.slice(0, MAXIMUM_SHOWN)}".`);
}
