import { z } from "zod";
import { lineText } from "../input-fields.ts";
import { isForbiddenVariable } from "./forbidden-variables.ts";
import type { EnvironmentVariable } from "./server-definition.ts";
import { valueProblem } from "./variable-values.ts";

const MAXIMUM_VARIABLES = 200;

/** `number` and `boolean` say what the type is; the others are kept as they are. */
const FORMATS = ["string", "number", "boolean", "filepath", "uri"] as const;

const fields = {
  type: z.enum(["string", "integer", "number", "boolean"]).optional(),
  description: z.string().max(2000).optional(),
  isRequired: z.boolean().optional(),
  isSecret: z.boolean().optional(),
  default: z.union([z.string(), z.number(), z.boolean(), z.null()]).optional(),
  format: z.enum(FORMATS).optional(),
  choices: z.array(z.string().max(1000)).min(1).max(200).optional(),
  required: z.boolean().optional().describe("Other spelling of isRequired"),
  secret: z.boolean().optional().describe("Other spelling of isSecret"),
};

type Source = z.output<z.ZodObject<typeof fields>> & { readonly name: string };

function normalise(source: Source): EnvironmentVariable {
  const { format } = source;
  const isType = format === undefined || format === "filepath" || format === "uri" ? undefined : format;
  return {
    name: source.name,
    type: source.type ?? isType ?? "string",
    description: source.description ?? "",
    isRequired: source.isRequired ?? source.required ?? false,
    isSecret: source.isSecret ?? source.secret ?? false,
    default: source.default === undefined || source.default === null ? null : String(source.default),
    ...(format === undefined || isType !== undefined ? {} : { format }),
    ...(source.choices === undefined ? {} : { choices: source.choices }),
  };
}

function conflicts(left: boolean | undefined, right: boolean | undefined): boolean {
  return left !== undefined && right !== undefined && left !== right;
}

function check(source: Source, context: z.core.$RefinementCtx): void {
  const report = (field: string, message: string) =>
    context.addIssue({ code: "custom", path: [field], message });
  if (conflicts(source.isRequired, source.required)) report("required", "contradicts isRequired");
  if (conflicts(source.isSecret, source.secret)) report("secret", "contradicts isSecret");
  const variable = normalise(source);
  (source.choices ?? []).forEach((choice, index) => {
    const problem = valueProblem({ type: variable.type }, choice);
    if (problem) report(`choices.${index}`, problem);
  });
  const problem = defaultProblem(variable);
  if (problem) report("default", problem);
}

function defaultProblem(variable: EnvironmentVariable): string | undefined {
  if (variable.default === null) return undefined;
  if (variable.isSecret) return "must be null, because the variable is secret";
  // Whoever starts the server would hand it a secret of their own without having named it.
  if (/^secret(_ref)?:/.test(variable.default)) return "must not refer to a secret; an instance does that";
  return valueProblem(variable, variable.default);
}

function variableSchema(name: z.ZodType<string>) {
  return z
    .strictObject({ name, ...fields })
    .superRefine(check)
    .transform(normalise);
}

function listOf(variable: ReturnType<typeof variableSchema>, sameName: (name: string) => string) {
  return z
    .array(variable)
    .max(MAXIMUM_VARIABLES)
    .superRefine((variables, context) => {
      const seen = new Set<string>();
      variables.forEach(({ name }, index) => {
        const key = sameName(name);
        if (seen.has(key)) {
          context.addIssue({ code: "custom", path: [index, "name"], message: "is there twice" });
        }
        seen.add(key);
      });
    });
}

const variableName = lineText(128)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be letters, digits and underscores, not starting with a digit")
  .refine((name) => !isForbiddenVariable(name), "may not be set, because it changes which code runs");

/** Hop-by-hop and framing headers belong to the connection, not to the server's settings. */
const CONNECTION_HEADERS =
  /^(connection|content-length|expect|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|mcp-session-id|mcp-protocol-version)$/i;

const headerName = lineText(128)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "must be a header name")
  .refine((name) => !CONNECTION_HEADERS.test(name), "is a header of the connection and may not be set");

/** Variables of a package, in the registry's spelling or with `required` and `secret`; no name twice. */
export const environmentVariablesSchema = listOf(variableSchema(variableName), (name) => name);

/** Headers of a remote; names count without case. */
export const headersSchema = listOf(variableSchema(headerName), (name) => name.toLowerCase());
