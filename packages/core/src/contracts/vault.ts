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
}

/** Everything there is to know about a secret, except its value: no operation returns that. */
export interface SecretMetadata extends SecretAddress {
  /** The last four characters, where the value is long enough to spare them. */
  readonly hint: string | null;
  readonly version: number;
  readonly keyId: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly lastUsedAt: string | null;
}

export interface SecretResolution {
  readonly ownerId: string;
  /** The instance that is being launched; `secret_ref:` may name this one only. */
  readonly instanceId: string;
  /** Variable name to a literal, to `secret:<name>` or to `secret_ref:<instance>:<NAME>`. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A write of the vault may join a transaction that is open already. */
export interface VaultWriteOptions {
  readonly connection?: Connection;
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
   * Opens every reference among the values; literals pass through. Throws `NOT_FOUND` naming the reference
   * that names nothing the owner has, and `DECRYPT_FAILED` for one that does not open.
   */
  resolve(request: SecretResolution): Promise<Record<string, string>>;
  close?(): Promise<void>;
}

export type VaultPart = Part<Vault>;
