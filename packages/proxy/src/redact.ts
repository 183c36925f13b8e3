import { approximateJsonBytes, exceedsJsonBounds } from "./json-bounds.ts";
import { isObject } from "./json-rpc.ts";

const SECRET_NAMES = /token|secret|password|authorization|api[_-]?key/i;
const REDACTED = "[redacted]";
const MAX_ARGUMENT_BYTES = 16 * 1024;
const MAX_RESULT_BYTES = 64 * 1024;

/** Stands in the call log for what is too large to be kept; `bytes` is about how large it was. */
export interface TruncationMarker {
  readonly truncated: true;
  readonly bytes: number;
}

/** A call's arguments as the log may hold them: without the values of secret-sounding names, at most 16 KiB. */
export function loggableArguments(value: unknown): unknown {
  const capped = cap(value, MAX_ARGUMENT_BYTES);
  return exceedsJsonBounds(capped) ? { truncated: true, bytes: approximateJsonBytes(value) } : redact(capped);
}

/** A call's result as the log may hold it: at most 64 KiB. */
export function loggableResult(value: unknown): unknown {
  const capped = cap(value, MAX_RESULT_BYTES);
  return exceedsJsonBounds(capped) ? { truncated: true, bytes: approximateJsonBytes(value) } : capped;
}

function cap(value: unknown, limit: number): unknown {
  const bytes = approximateJsonBytes(value);
  return bytes > limit ? ({ truncated: true, bytes } satisfies TruncationMarker) : value;
}

function redact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redact);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      SECRET_NAMES.test(name) ? REDACTED : redact(member),
    ]),
  );
}
