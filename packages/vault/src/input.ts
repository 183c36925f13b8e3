import { z } from "zod";
import { SECRET_NAME } from "./reference.ts";

/** Longest value of a secret, in bytes of UTF-8. */
export const MAXIMUM_VALUE_BYTES = 65_536;

// Owner and scope ids are part of a unique index, whose entries Postgres limits to about 2,700 bytes.
const ownerId = text(512);
const scopeId = text(128);

const scope = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("owner"), id: z.undefined().optional() }),
  z.strictObject({ kind: z.literal("instance"), id: scopeId }),
  z.strictObject({ kind: z.literal("server"), id: scopeId }),
]);

const name = z
  .string()
  .regex(SECRET_NAME, "must be letters, digits and underscores, not starting with a digit, at most 128");

const value = z
  .string()
  .min(1, "must not be empty")
  .refine((string) => Buffer.byteLength(string) <= MAXIMUM_VALUE_BYTES, "must be at most 64 KiB of UTF-8")
  .refine(isStorable, "must be well-formed Unicode without NUL");

const MAXIMUM_DAYS = 3_650;
const MAXIMUM_GRACE_SECONDS = 30 * 86_400;

const rotateAfterDays = z.int().min(1).max(MAXIMUM_DAYS).nullable().optional();
const graceSeconds = z.int().min(0).max(MAXIMUM_GRACE_SECONDS).optional();

export const addressSchema = z.strictObject({ ownerId, scope, name });
export const secretSchema = z.strictObject({ ownerId, scope, name, value, rotateAfterDays });
export const rotationSchema = secretSchema.extend({ graceSeconds });
export const scopeSchema = z.strictObject({ ownerId, kind: z.enum(["instance", "server"]), id: scopeId });

export const listSchema = z.strictObject({
  ownerId: ownerId.optional(),
  scope: scope.optional(),
  limit: z.int().min(1).max(200).optional(),
  cursor: z.string().min(1).max(1024).optional(),
});

/** The instance that is granted a secret, or that loses it again. */
export const granteeSchema = scopeId;

export const resolutionSchema = z.strictObject({
  ownerId,
  instanceId: scopeId,
  serverId: scopeId.nullable(),
  environment: z.record(z.string(), z.string()),
});

function text(maximumLength: number) {
  return z.string().min(1).max(maximumLength).refine(isStorable, "must be well-formed Unicode without NUL");
}

/** Postgres stores no NUL, and UTF-8 no lone surrogate: it would be another text when it is read again. */
function isStorable(string: string): boolean {
  return !string.includes("\0") && !/\p{Surrogate}/u.test(string);
}
