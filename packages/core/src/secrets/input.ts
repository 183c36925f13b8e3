import { z } from "zod";
import { withoutUndefined } from "../input.ts";
import { lineText, pageFields } from "../input-fields.ts";

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const MAXIMUM_VALUE_BYTES = 65_536;
const MAXIMUM_DAYS = 3_650;
const MAXIMUM_GRACE_SECONDS = 30 * 86_400;

const scopeId = lineText(100);

/** Whose a secret is: the owner's at large has no id, an instance's and a server definition's must have one. */
export const scopeSchema = z
  .strictObject({ kind: z.enum(["owner", "instance", "server"]), id: scopeId.optional() })
  .superRefine(({ kind, id }, context) => {
    if ((kind === "owner") === (id === undefined)) return;
    const message = kind === "owner" ? "must be left out for an owner" : `must name the ${kind}`;
    context.addIssue({ code: "custom", path: ["id"], message });
  })
  .transform(withoutUndefined);

/** Which secret. */
export const addressSchema = z.strictObject({
  name: z.string().regex(NAME, "must be letters, digits and underscores, not starting with a digit"),
  ownerId: z.string().min(1).max(200).optional(),
  scope: scopeSchema.optional(),
});

/** Input of `secrets.put`. */
export const secretSchema = addressSchema.extend({
  value: z
    .string()
    .min(1, "must not be empty")
    .refine((text) => Buffer.byteLength(text) <= MAXIMUM_VALUE_BYTES, "must have at most 65,536 bytes"),
  rotateAfterDays: z.int().min(1).max(MAXIMUM_DAYS).nullable().optional(),
});

/** Input of `secrets.rotate`. */
export const rotationSchema = secretSchema.extend({
  graceSeconds: z.int().min(0).max(MAXIMUM_GRACE_SECONDS).optional(),
});

/** Input of `secrets.grant` and `secrets.revoke`; only an instance's secret can be granted. */
export const grantSchema = addressSchema.extend({
  toInstanceId: scopeId,
  scope: scopeSchema.refine(
    ({ kind }) => kind === "instance",
    "must be an instance: only its secrets can be granted",
  ),
});

/** Input of `secrets.list`. */
export const secretQuerySchema = z
  .strictObject({ ...pageFields, ownerId: lineText(200), scope: scopeSchema })
  .partial();

export type ParsedAddress = z.output<typeof addressSchema>;
