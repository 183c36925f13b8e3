import { invalidInput } from "../input.ts";

/** A base path in its one form: a leading slash and no trailing one; `""` for the root. */
export function normalizeBasePath(basePath: string): string {
  const trimmed = basePath.replace(/^\/+|\/+$/g, "");
  return trimmed === "" ? "" : `/${trimmed}`;
}

/** The path of an absolute URL as it was sent, percent-encoding included. Much cheaper than `new URL`. */
export function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start < 0) return "/";
  const end = url.slice(start).search(/[?#]/);
  return end < 0 ? url.slice(start) : url.slice(start, start + end);
}

/** What follows the (normalised) base path, starting with a slash; null for a path that is not below it. */
export function pathBelow(path: string, basePath: string): string | null {
  if (!path.startsWith(basePath)) return null;
  const rest = path.slice(basePath.length);
  if (rest === "") return "/";
  return rest.startsWith("/") ? rest : null;
}

/** One segment of a path, decoded. Throws `INVALID_INPUT` where the encoding is broken or hides a control character. */
export function decodeSegment(segment: string): string {
  const decoded = segment.includes("%") ? decodeOrNull(segment) : segment;
  if (decoded !== null && !hasControlCharacter(decoded)) return decoded;
  throw invalidInput("path", [{ path: "", message: "holds a percent-encoding that is not valid" }]);
}

function decodeOrNull(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

/** No name or id has one, and Postgres refuses NUL. */
function hasControlCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) < 32) return true;
  return false;
}
