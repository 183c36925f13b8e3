import { z } from "@hono/zod-openapi";
import type { SecretScope } from "../../contracts/vault.ts";
import { invalidInput } from "../../input.ts";
import { ownedParameters, queryText } from "../queries.ts";
import { pageOf, secretUsageView, secretView } from "../record-views.ts";
import { defineRoute, type Route } from "../route.ts";

const tag = "secrets";
const SECRET_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

const scopeId = z.string().min(1).max(200);
const scopeKind = z.enum(["owner", "instance", "server"]);
const secretInput = z.strictObject({
  value: z.string().min(1),
  scope: z.strictObject({ kind: scopeKind, id: scopeId.optional() }).optional(),
  rotateAfterDays: z.int().min(1).nullable().optional(),
});
const rotationInput = secretInput.extend({ graceSeconds: z.int().min(0).optional() });
const grantInput = z.strictObject({
  toInstanceId: scopeId,
  scope: z.strictObject({ kind: z.literal("instance"), id: scopeId }),
});
const scopeParameters = z.strictObject({ scope: scopeKind.optional(), scopeId: queryText.optional() });

const success = { status: 200, description: "Everything about it but its value.", schema: secretView };

/** Secrets go in and are never shown again. */
export const secretRoutes: readonly Route[] = [
  defineRoute({
    method: "get",
    path: "/secrets",
    operationId: "listSecrets",
    summary: "Which secrets there are, of one scope or of all; never their values.",
    tag,
    query: z.strictObject({ ...ownedParameters, ...scopeParameters.shape }),
    success: { status: 200, description: "One page.", schema: pageOf(secretView) },
    answer: ({ services, query, options }) => {
      const { scope, scopeId, ...page } = query;
      return services.secrets.list({ ...page, ...scopeOf({ scope, scopeId }) }, options);
    },
  }),
  defineRoute({
    method: "put",
    path: "/secrets/{name}",
    operationId: "putSecret",
    summary: "Stores a secret, or a new version of it.",
    tag,
    body: secretInput,
    success,
    answer: ({ services, params, body, options }) =>
      services.secrets.put({ name: secretName(params.name), ...body }, options),
  }),
  defineRoute({
    method: "post",
    path: "/secrets/{name}/rotate",
    operationId: "rotateSecret",
    summary:
      "Replaces its value; the one before is kept for a while. Instances that asked for it are restarted.",
    tag,
    body: rotationInput,
    success,
    answer: ({ services, params, body, options }) =>
      services.secrets.rotate({ name: secretName(params.name), ...body }, options),
  }),
  defineRoute({
    method: "get",
    path: "/secrets/{name}/usage",
    operationId: "getSecretUsage",
    summary: "Which instances refer to it, to whom it was granted, and when it was opened last.",
    tag,
    query: scopeParameters,
    success: { status: 200, description: "Its use.", schema: secretUsageView },
    answer: ({ services, params, query, options }) =>
      services.secrets.usage({ name: secretName(params.name), ...scopeOf(query) }, options),
  }),
  defineRoute({
    method: "post",
    path: "/secrets/{name}/grants",
    operationId: "grantSecret",
    summary: "Lets another instance of the same owner use an instance's secret.",
    tag,
    body: grantInput,
    success: { status: 204, description: "It may." },
    answer: ({ services, params, body, options }) =>
      services.secrets.grant({ name: secretName(params.name), ...body }, options),
  }),
  defineRoute({
    method: "delete",
    path: "/secrets/{name}/grants",
    operationId: "revokeSecret",
    summary: "Takes back what was granted; the body is that of the grant.",
    tag,
    body: grantInput,
    success: { status: 204, description: "It no longer may." },
    answer: ({ services, params, body, options }) =>
      services.secrets.revoke({ name: secretName(params.name), ...body }, options),
  }),
  defineRoute({
    method: "delete",
    path: "/secrets/{name}",
    operationId: "removeSecret",
    summary: "Removes a secret. The owner's own one, unless `scope` and `scopeId` name another.",
    tag,
    query: scopeParameters,
    success: { status: 204, description: "It is gone." },
    answer: ({ services, params, query, options }) =>
      services.secrets.remove({ name: secretName(params.name), ...scopeOf(query) }, options),
  }),
];

function secretName(name: string): string {
  if (SECRET_NAME.test(name)) return name;
  const message = "must have up to 128 letters, digits and underscores, and start with no digit";
  throw invalidInput("path", [{ path: "name", message }]);
}

function scopeOf(query: {
  readonly scope?: SecretScope["kind"] | undefined;
  readonly scopeId?: string | undefined;
}): { readonly scope?: SecretScope } {
  if (query.scope) return { scope: { kind: query.scope, ...(query.scopeId && { id: query.scopeId }) } };
  if (!query.scopeId) return {};
  throw invalidInput("query", [{ path: "scope", message: "must come with `scopeId`" }]);
}
