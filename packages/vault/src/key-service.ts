import { type Clock, invalidInput, isPlatformError, PlatformError } from "@moorage/core";
import type { KeyContext } from "./context.ts";
import { type KeyDeadlineOptions, unwrapWithinDeadline, withinDeadline } from "./key-deadline.ts";
import { KEY_ID, type KeyProvider, type KeyState } from "./key-provider.ts";

/** One call of the key service. */
export interface KeyServiceRequest {
  /** Which of its keys, by the id of {@link KeyServiceOptions.keyIds}. */
  readonly keyId: string;
  /** To encrypt: a data key of 32 bytes. To decrypt: what `encrypt` gave for it. */
  readonly bytes: Uint8Array;
  /** Owner, scope, name, purpose and algorithm, as texts: the service's encryption context. */
  readonly context: KeyContext;
  /** Aborted at the deadline. */
  readonly signal: AbortSignal;
}

/** What there is to know about a key management service. */
export interface KeyServiceOptions {
  /**
   * Ids of its keys as they will stand in stored secrets (1 to 64 letters, digits, `_` and `-`), newest first: the
   * first one wraps, all of them unwrap.
   */
  readonly keyIds: readonly string[];
  /** Keys that are still there, but are not to be used any more. */
  readonly retiredKeyIds?: readonly string[];
  encrypt(request: KeyServiceRequest): Promise<Uint8Array>;
  /** Returns the data key in an array of its own, which the vault wipes. */
  decrypt(request: KeyServiceRequest): Promise<Uint8Array>;
  /**
   * Whether an error of `decrypt` is the service's answer to wrong bytes, a wrong context or a wrong key. Every other
   * error counts as an outage, after which it is worth trying again.
   */
  isRefusal(error: unknown): boolean;
  /** How long one call may take; 5,000 if left out. */
  readonly deadlineMs?: number;
  readonly clock?: Clock;
}

/**
 * A key provider whose master keys never leave a key management service. Throws `INVALID_INPUT` for no ids, unusable
 * ids, and an id that is given twice. Calls that fail or exceed the deadline are answered with the retryable
 * `UPSTREAM_UNAVAILABLE`.
 */
export function keyService(options: KeyServiceOptions): KeyProvider {
  const { keyIds, retiredKeyIds = [] } = options;
  const [current] = keyIds;
  const all = [...keyIds, ...retiredKeyIds];
  if (current === undefined || !all.every((id) => KEY_ID.test(id)) || new Set(all).size < all.length) {
    const message = `must be different ids of 1 to 64 letters, digits, "_" and "-", and at least one that is not retired`;
    throw invalidInput("key service", [{ path: "keyIds", message }]);
  }
  const deadline: KeyDeadlineOptions = { deadlineMs: options.deadlineMs, clock: options.clock };
  return {
    currentKeyId: async () => current,
    async wrap(dataKey, context) {
      const work = (signal: AbortSignal) =>
        options.encrypt({ keyId: current, bytes: dataKey, context, signal });
      const wrapped = await withinDeadline(work, deadline).catch((error: unknown) => {
        throw outage(error);
      });
      return { keyId: current, wrapped };
    },
    async unwrap(keyId, wrapped, context) {
      if (!keyIds.includes(keyId)) throw refused();
      const work = (signal: AbortSignal) => options.decrypt({ keyId, bytes: wrapped, context, signal });
      return unwrapWithinDeadline(work, deadline).catch((error: unknown) => {
        throw options.isRefusal(error) ? refused() : outage(error);
      });
    },
    keyState: async (keyId) => stateOf(keyId, options),
    keyIds: async () => all,
  };
}

function stateOf(keyId: string, { keyIds, retiredKeyIds = [] }: KeyServiceOptions): KeyState {
  if (keyId === keyIds[0]) return "active";
  if (keyIds.includes(keyId)) return "grace";
  return retiredKeyIds.includes(keyId) ? "retired" : "unknown";
}

function refused(): PlatformError {
  return new PlatformError("DECRYPT_FAILED", "The data key does not open.");
}

/** The error itself is not kept: that of an HTTP client may hold the request, and with it a data key. */
function outage(error: unknown): PlatformError {
  if (isPlatformError(error) && error.retryable) return error;
  return new PlatformError(
    "UPSTREAM_UNAVAILABLE",
    `The key service is not to be reached (${nameOf(error)}). Try again once it is.`,
  );
}

/** A system error's code, such as `ECONNREFUSED`, or the error's class; nothing that could be more than a word. */
function nameOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "no error object";
  const words = ["code" in error ? error.code : null, "name" in error ? error.name : null];
  return words.find((word): word is string => typeof word === "string" && /^\w{1,64}$/.test(word)) ?? "Error";
}
