import type { Refusal } from "./http-errors.ts";
import { PROTOCOL_VERSIONS } from "./protocol.ts";

/** Which pages and which names of this host are answered. */
export interface HttpCheckOptions {
  readonly allowedOrigins: readonly string[];
  readonly allowedHosts?: readonly string[] | undefined;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Why a request must not be looked at any further, or undefined. Looks at headers only. */
export function refusalOf(request: Request, options: HttpCheckOptions): Refusal | undefined {
  if (options.allowedHosts && !options.allowedHosts.includes(hostOf(request))) return "hostRefused";
  const origin = request.headers.get("origin");
  if (origin !== null && !originAllowed(origin, request, options.allowedOrigins)) return "originRefused";
  const version = request.headers.get("mcp-protocol-version");
  if (version !== null && !PROTOCOL_VERSIONS.includes(version)) return "unsupportedVersion";
  return undefined;
}

/** Why a POST is refused by its headers, or undefined. */
export function postRefusalOf(headers: Headers): Refusal | undefined {
  const type = headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/json") return "unsupportedMediaType";
  return accepts(headers, "application/json") && accepts(headers, "text/event-stream")
    ? undefined
    : "notAcceptable";
}

/** Whether the Accept header allows this media type; without the header all are allowed. */
export function accepts(headers: Headers, type: string): boolean {
  const accept = headers.get("accept")?.toLowerCase();
  if (accept === undefined) return true;
  const [family] = type.split("/");
  return accept.includes(type) || accept.includes("*/*") || accept.includes(`${family}/*`);
}

// A page whose name was made to resolve to this host (DNS rebinding) has an Origin that equals the Host, too; but it
// can have neither a loopback name nor a certificate.
function originAllowed(origin: string, request: Request, allowed: readonly string[]): boolean {
  if (allowed.includes(origin) || allowed.includes("*")) return true;
  if (!URL.canParse(origin)) return false;
  const { host, hostname, protocol } = new URL(origin);
  return host === hostOf(request) && (protocol === "https:" || LOOPBACK.test(hostname));
}

function hostOf(request: Request): string {
  return request.headers.get("host") ?? new URL(request.url).host;
}

/** The body as text, or undefined if it has more than `limit` bytes; reads no more than that. */
export async function readBody(request: Request, limit: number): Promise<string | undefined> {
  const declared = Number(request.headers.get("content-length") ?? Number.NaN);
  if (declared > limit) return undefined;
  // With a length that HTTP itself enforces, the platform's own reader is the fastest one.
  if (declared >= 0) return withinLimit(await request.text(), limit);
  if (!request.body) return "";
  return readLimited(request.body, limit);
}

function withinLimit(text: string, limit: number): string | undefined {
  return text.length > limit ? undefined : text;
}

async function readLimited(body: ReadableStream<Uint8Array>, limit: number): Promise<string | undefined> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.byteLength;
    if (size > limit) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(next.value);
  }
  return Buffer.concat(chunks).toString("utf8");
}
