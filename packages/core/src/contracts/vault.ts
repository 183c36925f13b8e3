import type { Page, PageQuery } from "../pages.ts";
import type { Connection } from "../store/database.ts";
import type { Part } from "./part.ts";

/** Whose a secret is: the owner's at large, or one instance's or one server definition's of that owner. */
export interface SecretScope {
  readonly kind: "owner" | "instance" | "server";
  /** The instance's or the server definition's id; absent for `owner`. */
  readonly id?: string;
}

export interface SecretAddress {
  readonly ownerId: string;
  readonly scope: SecretScope;
  /** Letters, digits and underscores, not starting with a digit; at most 128 characters. */
  readonly name: string;
}

export interface SecretInput extends SecretAddress {
  readonly value: string;
  /** Days until the owner is told to rotate it, null for never; if left out, a put sets 90 and a rotation keeps what it has. */
  readonly rotateAfterDays?: number | null;
}

export interface SecretRotation extends SecretInput {
  /** How long the version before stays sealed beside the new one, in seconds; an hour if left out, 0 for not at all. */
  readonly graceSeconds?: number;
}

/** Everything there is to know about a secret, except its value: no operation returns that. */
export interface SecretMetadata extends SecretAddress {
  /** The last four characters, where the value is long enough to spare them. */
  readonly hint: string | null;
  readonly version: number;
  readonly keyId: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** When its value was last replaced; null for a secret that still has its first one. */
  readonly rotatedAt: string | null;
  /** When it should be rotated; null for never. An expired secret still opens. */
  readonly expiresAt: string | null;
  /** Until when the version before is kept; null when there is none. */
  readonly previousUntil: string | null;
  readonly lastUsedAt: string | null;
}

/** Who may use a secret, and when it was opened last. */
export interface SecretUsage {
  readonly secret: SecretMetadata;
  /** Instances, other than its own, that were granted an instance's secret. */
  readonly grantedTo: readonly string[];
  readonly lastUsedAt: string | null;
}

export interface SecretResolution {
  readonly ownerId: string;
  /** The instance that is being launched; another instance's secret resolves only if it was granted to this one. */
  readonly instanceId: string;
  /** The instance's server definition: its owner's secrets for that server are looked at, too. */
  readonly serverId: string | null;
  /** Variable name to a literal, to `secret:<name>` or to `secret_ref:<instance>:<NAME>`. */
  readonly environment: Readonly<Record<string, string>>;
}

/** An environment with every reference opened. */
export interface ResolvedEnvironment {
  readonly values: Readonly<Record<string, string>>;
  /** The variables whose values are secrets. */
  readonly secretNames: readonly string[];
}

/** One master key, and how many stored secrets need it. */
export interface MasterKeyStatus {
  readonly keyId: string;
  /** `active` seals and opens; `grace` opens; `retired` does neither; `unknown`: the key ring does not have it. */
  readonly state: "active" | "grace" | "retired" | "unknown";
  readonly secrets: number;
}

export interface RewrapOptions {
  /** Counts what would be done, and does nothing. */
  readonly dryRun?: boolean;
  /** Rows per transaction; 100 if left out. */
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
  /** Called after every batch. */
  readonly onProgress?: (progress: RewrapResult) => void;
}

/** Where a rewrap stands. Running it again goes on where it ended, however it ended. */
export interface RewrapResult {
  readonly keyId: string;
  readonly rewrapped: number;
  /** Secrets under other keys that are still to do. */
  readonly remaining: number;
  /** Secrets that could not be opened under the key they name. */
  readonly failed: number;
}

/** A write of the vault may join a transaction that is open already. */
export interface VaultWriteOptions {
  readonly connection?: Connection;
  /** Who asked, for the audit; null is the host's own code. */
  readonly actorId?: string | null;
}

export interface Vault {
  /** Seals and stores; an existing secret of that address gets a new version. */
  put(secret: SecretInput, options?: VaultWriteOptions): Promise<SecretMetadata>;
  list(
    query: PageQuery & { readonly ownerId?: string; readonly scope?: SecretScope },
  ): Promise<Page<SecretMetadata>>;
  /** Returns whether there was one. */
  remove(address: SecretAddress, options?: VaultWriteOptions): Promise<boolean>;
  /** Removes every secret of one instance or one server definition. Returns how many. */
  removeScope(
    scope: SecretScope & { readonly ownerId: string },
    options?: VaultWriteOptions,
  ): Promise<number>;
  /**
   * Opens every reference among the values; literals pass through. `secret:<name>` is looked for among the secrets of
   * the instance, then of its server, then of the owner at large. Throws `NOT_FOUND` naming every reference that names
   * nothing the instance may use, and `DECRYPT_FAILED` for one that does not open.
   */
  resolve(request: SecretResolution): Promise<ResolvedEnvironment>;
  /** Gives an existing secret a new value and keeps the one before for a while. Throws `NOT_FOUND` if there is none. */
  rotate(secret: SecretRotation, options?: VaultWriteOptions): Promise<SecretMetadata>;
  /** Throws `NOT_FOUND` if there is no such secret. */
  usage(address: SecretAddress): Promise<SecretUsage>;
  /** Lets another instance of the same owner use an instance's secret. */
  grant(address: SecretAddress, toInstanceId: string, options?: VaultWriteOptions): Promise<void>;
  /** Returns whether there was such a grant. */
  revoke(address: SecretAddress, toInstanceId: string, options?: VaultWriteOptions): Promise<boolean>;
  /**
   * Tells owners of secrets that are about to expire (14, 7 and 1 days ahead, each once) or have expired, and destroys
   * versions whose grace is over. Run by the scheduled task `rotation`.
   */
  tend(): Promise<void>;
  /** The keys of the ring, and those that stored secrets name. */
  keys(): Promise<readonly MasterKeyStatus[]>;
  /** Moves every secret to the active key without opening its value. */
  rewrap(options?: RewrapOptions): Promise<RewrapResult>;
  /** Says that a key may be thrown away. Throws `CONFLICT` while a secret needs it. */
  purgeKey(keyId: string): Promise<void>;
  close?(): Promise<void>;
}

export type VaultPart = Part<Vault>;
