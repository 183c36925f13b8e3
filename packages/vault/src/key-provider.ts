import type { KeyContext } from "./context.ts";

/** What a key id may be, so that it can stand in an envelope. */
export const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * `active` seals and opens; `grace` still opens, until every secret has been moved to the active key;
 * `retired` does neither, and waits to be thrown away; `unknown` is every id that the provider does not have.
 */
export type KeyState = "active" | "grace" | "retired" | "unknown";

/**
 * Holds the master keys and wraps data keys with them: `localKeyring()` in memory, `keyService()` around a key
 * management service, or an object of the host. Key ids match {@link KEY_ID}.
 */
export interface KeyProvider {
  /** The key that seals now. */
  currentKeyId(): Promise<string>;
  /** Wraps a 32-byte data key with the current key, bound to `context`. The caller wipes `dataKey` afterwards. */
  wrap(
    dataKey: Uint8Array,
    context: KeyContext,
  ): Promise<{ readonly keyId: string; readonly wrapped: Uint8Array }>;
  /**
   * Returns the data key, in an array of its own, which the caller wipes. A retryable `PlatformError` (such as
   * `UPSTREAM_UNAVAILABLE`, when a key service is down) reaches the vault's caller; whatever else is thrown
   * becomes `DECRYPT_FAILED`.
   */
  unwrap(keyId: string, wrapped: Uint8Array, context: KeyContext): Promise<Uint8Array>;
  keyState(keyId: string): Promise<KeyState>;
  /** Every key it has, the current one first, retired ones included; without it, only the current one is listed. */
  keyIds?(): Promise<readonly string[]>;
}
