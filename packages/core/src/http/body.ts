import { isPlatformError, PlatformError } from "../errors.ts";
import { invalidInput } from "../input.ts";

/** Deeper nesting than this is no honest input, and would exhaust the stack of whoever walks it. */
const MAX_DEPTH = 200;
const JSON_MEDIA_TYPE = /^application\/([a-z0-9.+-]+\+)?json$/i;

/**
 * The request's JSON body, or undefined where it has none. Throws `PAYLOAD_TOO_LARGE` without reading further than
 * `limitBytes`, `UNSUPPORTED_MEDIA_TYPE`, or `INVALID_INPUT`; no message repeats anything of the body.
 */
export async function readJson(request: Request, limitBytes: number): Promise<unknown> {
  const declared = declaredLength(request, limitBytes);
  if (declared === 0) return undefined;
  if (declared !== null) requireJson(request);
  const text = await readText(request, declared === null ? limitBytes : null);
  if (text === "") return undefined;
  if (declared === null) requireJson(request);
  return parseJson(text);
}

/** A request whose body ends with an error once it is longer than allowed, and whether that has happened. */
export interface BoundedRequest {
  readonly request: Request;
  exceeded(): boolean;
}

/**
 * The request itself where its body is known to be short enough, else one whose body is counted while it is read.
 * Throws `PAYLOAD_TOO_LARGE` where the declared length is too large already.
 */
export function boundRequest(request: Request, limitBytes: number): BoundedRequest {
  const hasNoBody = request.method === "GET" || request.method === "HEAD";
  if (hasNoBody || declaredLength(request, limitBytes) !== null || request.body === null) {
    return { request, exceeded: () => false };
  }
  let exceeded = false;
  const body = request.body.pipeThrough(
    byteCounter(limitBytes, () => {
      exceeded = true;
    }),
  );
  const { method, headers, signal } = request;
  const init: RequestInit & { readonly duplex: "half" } = { method, headers, signal, body, duplex: "half" };
  return { request: new Request(request.url, init), exceeded: () => exceeded };
}

/** What a body over the limit is refused with. */
export function payloadTooLarge(limitBytes: number): PlatformError {
  return new PlatformError(
    "PAYLOAD_TOO_LARGE",
    `The request's body is larger than the ${limitBytes} bytes allowed here.`,
    { details: { limitBytes } },
  );
}

function declaredLength(request: Request, limitBytes: number): number | null {
  const header = request.headers.get("content-length");
  if (header === null || !/^\d+$/.test(header)) return null;
  const length = Number(header);
  if (length > limitBytes) throw payloadTooLarge(limitBytes);
  return length;
}

function requireJson(request: Request): void {
  const mediaType = request.headers.get("content-type")?.split(";", 1)[0]?.trim() ?? "";
  if (JSON_MEDIA_TYPE.test(mediaType)) return;
  throw new PlatformError(
    "UNSUPPORTED_MEDIA_TYPE",
    "The request's body has the wrong type. Send JSON, with content-type: application/json.",
    { details: { supported: ["application/json"] } },
  );
}

async function readText(request: Request, limitBytes: number | null): Promise<string> {
  try {
    if (limitBytes === null) return await request.text();
    if (request.body === null) return "";
    return await new Response(request.body.pipeThrough(byteCounter(limitBytes))).text();
  } catch (error) {
    if (isPlatformError(error)) throw error;
    throw new PlatformError("INVALID_INPUT", "The request's body could not be read to its end.", {
      details: { issues: [{ path: "", message: "is incomplete" }] },
      cause: error,
    });
  }
}

function byteCounter(limitBytes: number, onExceeded = () => {}): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0;
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes <= limitBytes) return controller.enqueue(chunk);
      onExceeded();
      controller.error(payloadTooLarge(limitBytes));
    },
  });
}

function parseJson(text: string): unknown {
  if (text.length > MAX_DEPTH && isTooDeep(text)) {
    throw invalidInput("body", [{ path: "", message: `must not be nested deeper than ${MAX_DEPTH} levels` }]);
  }
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the body, which may hold a secret.
    throw invalidInput("body", [{ path: "", message: "must be JSON" }]);
  }
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  let isInString = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (isInString && character === "\\") index += 1;
    else if (character === '"') isInString = !isInString;
    else if (isInString) continue;
    else if (character === "[" || character === "{") depth += 1;
    else if (character === "]" || character === "}") depth -= 1;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}
