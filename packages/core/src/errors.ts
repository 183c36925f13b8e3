/** What each error code means on the wire: its HTTP status, and whether the same request may succeed later. */
export const ERROR_CODES = {
  INVALID_INPUT: { status: 400, retryable: false },
  MISSING_VARIABLES: { status: 400, retryable: false },
  UNAUTHENTICATED: { status: 401, retryable: false },
  FORBIDDEN: { status: 403, retryable: false },
  NOT_APPROVED: { status: 403, retryable: false },
  LIMIT_EXCEEDED: { status: 403, retryable: false },
  NOT_FOUND: { status: 404, retryable: false },
  METHOD_NOT_ALLOWED: { status: 405, retryable: false },
  NOT_ACCEPTABLE: { status: 406, retryable: false },
  CONFLICT: { status: 409, retryable: false },
  INSTANCE_NOT_RUNNING: { status: 409, retryable: false },
  PAYLOAD_TOO_LARGE: { status: 413, retryable: false },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, retryable: false },
  RATE_LIMITED: { status: 429, retryable: true },
  INTERNAL: { status: 500, retryable: false },
  LAUNCH_FAILED: { status: 500, retryable: true },
  DECRYPT_FAILED: { status: 500, retryable: false },
  NOT_CONFIGURED: { status: 501, retryable: false },
  UNSUPPORTED: { status: 501, retryable: false },
  UPSTREAM_FAILED: { status: 502, retryable: false },
  FRAME_TOO_LARGE: { status: 502, retryable: false },
  DATABASE_BUSY: { status: 503, retryable: true },
  SHUTTING_DOWN: { status: 503, retryable: true },
  UPSTREAM_UNAVAILABLE: { status: 503, retryable: true },
  START_TIMEOUT: { status: 504, retryable: true },
  TIMEOUT: { status: 504, retryable: false },
} as const satisfies Record<string, { readonly status: number; readonly retryable: boolean }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** One problem with one place of the input; `path` is dotted, `""` for the input as a whole. */
export interface InputIssue {
  readonly path: string;
  readonly message: string;
}

/** Codes whose details have a fixed shape; every other code carries a plain JSON object or nothing. */
export interface ErrorDetailsByCode {
  readonly INVALID_INPUT: { readonly issues: readonly InputIssue[] };
  readonly MISSING_VARIABLES: { readonly missing: readonly string[] };
  readonly NOT_APPROVED: {
    readonly serverId: string;
    readonly hash: string;
    readonly commands: readonly string[];
  };
  readonly LIMIT_EXCEEDED: { readonly limit: string; readonly maximum: number };
  readonly RATE_LIMITED: { readonly rule: string; readonly retryAfterMs: number };
  readonly LAUNCH_FAILED: { readonly instanceId?: string; readonly logs?: readonly string[] };
  readonly START_TIMEOUT: {
    readonly instanceId?: string;
    readonly timeoutMs: number;
    readonly logs?: readonly string[];
  };
}

export type ErrorDetails<Code extends ErrorCode = ErrorCode> = Code extends keyof ErrorDetailsByCode
  ? ErrorDetailsByCode[Code]
  : Readonly<Record<string, unknown>>;

export interface PlatformErrorOptions<Code extends ErrorCode = ErrorCode> {
  readonly details?: ErrorDetails<Code>;
  /** Kept for logs and debuggers of the host; never serialised. */
  readonly cause?: unknown;
}

const BRAND = Symbol.for("moorage.PlatformError");

/** The only error class of the platform. Messages name the thing, the value and the remedy, and hold no secret. */
export class PlatformError<Code extends ErrorCode = ErrorCode> extends Error {
  readonly [BRAND] = true;
  readonly code: Code;
  readonly details: ErrorDetails<Code> | undefined;

  constructor(code: Code, message: string, options: PlatformErrorOptions<Code> = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "PlatformError";
    this.code = code;
    this.details = options.details;
  }

  /** HTTP status of this error's code. */
  get status(): number {
    return ERROR_CODES[this.code].status;
  }

  /** Whether the same request may succeed if it is sent again later. */
  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }
}

/** Recognises a {@link PlatformError} by its brand, also when it was made by another copy of this package. */
export function isPlatformError<Code extends ErrorCode = ErrorCode>(
  value: unknown,
  code?: Code,
): value is PlatformError<Code> {
  if (typeof value !== "object" || value === null || !(BRAND in value)) return false;
  return code === undefined || (value as PlatformError).code === code;
}

/** Anything thrown, as a {@link PlatformError}: what is not one becomes `INTERNAL` with a fixed message. */
export function toPlatformError(thrown: unknown): PlatformError {
  if (isPlatformError(thrown)) return thrown;
  return new PlatformError(
    "INTERNAL",
    "Something went wrong inside the platform. The host's log has the cause.",
    {
      cause: thrown,
    },
  );
}
