import { createHash, randomBytes as cryptoRandomBytes, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { type Clock, isoTime } from "../clock.ts";
import { PlatformError } from "../errors.ts";
import type { IdFactory } from "../ids.ts";
import { parseInput } from "../input.ts";
import { lineText } from "../input-fields.ts";
import type { Logger } from "../logger.ts";
import type { AccessToken } from "../services.ts";
import {
  countTokens,
  findTokenByHash,
  insertToken,
  listTokens,
  noteTokenUse,
  revokeTokens,
  type StoredToken,
  toAccessToken,
} from "../store/access-tokens.ts";
import type { Database } from "../store/database.ts";
import type { Actor } from "./actor.ts";

const SECRET_BYTES = 32;
const HINT_LENGTH = 4;
const TEXT_PATTERN = /^moorage_[0-9A-Za-z]{1,64}_[A-Za-z0-9_-]{43}$/;
const NOTE_EVERY_MS = 60_000;
const MAXIMUM_PER_INSTANCE = 100;
const TEN_YEARS_SECONDS = 315_360_000;

/** What {@link createTokens} needs; `randomBytes` is that of `node:crypto` if left out. */
export interface TokensOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdFactory;
  readonly logger: Logger;
  readonly randomBytes?: (length: number) => Uint8Array;
}

/** Access tokens of instances. It checks no permissions: that is done by who calls it. */
export interface Tokens {
  /** Makes a token for the instance; its text is in the answer and nowhere else. At most 100 good ones per instance. */
  create(
    instance: { readonly id: string; readonly ownerId: string },
    input?: { readonly name?: string; readonly ttlSeconds?: number },
  ): Promise<AccessToken & { readonly token: string }>;
  /** Revokes one token of the instance, or all of them; 0 where there was none. */
  revoke(instanceId: string, input?: { readonly tokenId?: string }): Promise<number>;
  /** Tokens that are not revoked, newest first. */
  list(instanceId: string): Promise<readonly AccessToken[]>;
  /** Whom the token speaks for: its owner, confined to one instance. Null for a text that is no token, or no longer. */
  authenticate(text: string): Promise<Actor | null>;
}

const createSchema = z
  .strictObject({ name: lineText(100), ttlSeconds: z.int().min(1).max(TEN_YEARS_SECONDS) })
  .partial();
const revokeSchema = z.strictObject({ tokenId: lineText(100) }).partial();

export function createTokens(options: TokensOptions): Tokens {
  const { database, clock } = options;
  const now = () => isoTime(clock.now());
  return {
    async create(instance, input = {}) {
      const parsed = parseInput(createSchema, input, "token");
      const { row, token } = newToken(options, instance, parsed);
      await database.transaction(async (transaction) => {
        const count = await countTokens(transaction, instance.id, row.created_at);
        if (count >= MAXIMUM_PER_INSTANCE) throw tooMany(instance.id);
        await insertToken(transaction, row);
      });
      return { ...toAccessToken(row), token };
    },
    async revoke(instanceId, input = {}) {
      const { tokenId } = parseInput(revokeSchema, input, "token");
      const which = tokenId === undefined ? { instanceId } : { instanceId, tokenId };
      return revokeTokens(database.connection, which, now());
    },
    list: (instanceId) => listTokens(database.connection, instanceId, 2 * MAXIMUM_PER_INSTANCE),
    authenticate: (text) => authenticate(options, text),
  };
}

function newToken(
  { clock, ids, randomBytes = cryptoRandomBytes }: TokensOptions,
  instance: { readonly id: string; readonly ownerId: string },
  input: { readonly name?: string | undefined; readonly ttlSeconds?: number | undefined },
): { readonly row: StoredToken; readonly token: string } {
  const id = ids();
  const token = `moorage_${tokenIdText(id)}_${Buffer.from(randomBytes(SECRET_BYTES)).toString("base64url")}`;
  const createdAtMs = clock.now();
  const row: StoredToken = {
    id,
    owner_id: instance.ownerId,
    instance_id: instance.id,
    name: input.name ?? "token",
    token_hash: hashOf(token),
    hint: token.slice(-HINT_LENGTH),
    created_at: isoTime(createdAtMs),
    expires_at: input.ttlSeconds === undefined ? null : isoTime(createdAtMs + input.ttlSeconds * 1000),
    last_used_at: null,
    revoked_at: null,
  };
  return { row, token };
}

async function authenticate({ database, clock, logger }: TokensOptions, text: string): Promise<Actor | null> {
  if (!TEXT_PATTERN.test(text)) return null;
  const hash = hashOf(text);
  const row = await findTokenByHash(database.connection, hash);
  if (!row || !sameText(row.token_hash, hash) || row.revoked_at !== null) return null;
  const at = isoTime(clock.now());
  if (row.expires_at !== null && row.expires_at <= at) return null;
  const unlessSince = isoTime(clock.now() - NOTE_EVERY_MS);
  if (row.last_used_at === null || row.last_used_at < unlessSince) {
    await noteTokenUse(database.connection, row.id, { at, unlessSince }).catch((error: unknown) => {
      logger.warn({ error, tokenId: row.id }, "the use of an access token was not noted");
    });
  }
  return { id: row.owner_id, instanceId: row.instance_id };
}

/** The id as it stands in a token's text: of a UUID, its 32 hexadecimal digits. */
function tokenIdText(id: string): string {
  return id.replace(/[^0-9A-Za-z]/g, "");
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

function sameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function tooMany(instanceId: string): PlatformError<"LIMIT_EXCEEDED"> {
  return new PlatformError(
    "LIMIT_EXCEEDED",
    `Instance "${instanceId}" has ${MAXIMUM_PER_INSTANCE} access tokens already. Revoke some first.`,
    { details: { limit: "tokensPerInstance", maximum: MAXIMUM_PER_INSTANCE } },
  );
}
