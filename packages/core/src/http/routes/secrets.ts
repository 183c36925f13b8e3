import { z } from "@hono/zod-openapi";
import type { SecretScope } from "../../contracts/vault.ts";
import { invalidInput } from "../../input.ts";
import { ownedParameters, queryText } from "../queries.ts";
import { pageOf, secretView } from "../record-views.ts";
import { defineRoute, type Route } from "../route.ts";
import type { Exact } from "../validate.ts";

const tag = "secrets";
const SECRET_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

const scopeKind = z.enum(["owner", "instance", "server"]);
const secretInput = z.strictObject({
  value: z.string().min(1),
  scope: z.strictObject({ kind: scopeKind, id: z.string().min(1).max(200).optional() }).optional(),
});
const scopeParameters = z.strictObject({ scope: scopeKind.optional(), scopeId: queryText.optional() });

/** Secrets go in and are never shown again. */
export const secretRoutes: readonly Route[] = [
  defineRoute({
    method: "get",
    path: "/secrets",
    operationId: "listSecrets",
    summary: "Which secrets there are; never their values.",
    tag,
    query: z.strictObject(ownedParameters),
    success: { status: 200, description: "One page.", schema: pageOf(secretView) },
    answer: ({ services, query, options }) => services.secrets.list(query, options),
  }),
  defineRoute({
    method: "put",
    path: "/secrets/{name}",
    operationId: "putSecret",
    summary: "Stores a secret, or a new version of it.",
    tag,
    body: secretInput,
    success: { status: 200, description: "Everything about it but its value.", schema: secretView },
    answer: ({ services, params, body, options }) =>
      services.secrets.put({ name: secretName(params.name), ...body }, options),
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

function scopeOf(query: Exact<z.output<typeof scopeParameters>>): { readonly scope?: SecretScope } {
  if (query.scope) return { scope: { kind: query.scope, ...(query.scopeId && { id: query.scopeId }) } };
  if (!query.scopeId) return {};
  throw invalidInput("query", [{ path: "scope", message: "must come with `scopeId`" }]);
}
