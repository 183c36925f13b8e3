import { z } from "zod";
import { blockText, lineText } from "../input-fields.ts";
import { argvProblems } from "./argv.ts";
import { environmentVariablesSchema, headersSchema } from "./environment-schema.ts";
import { DEFAULT_HEALTH_CHECK, healthCheckSchema } from "./health-check.ts";
import { isBoundedJson } from "./json-bounds.ts";
import { resourceLimitsSchema } from "./resource-limits.ts";
import type { ServerDefinitionInput, ServerPackage } from "./server-definition.ts";

const MAXIMUM_PACKAGES = 16;
const MAXIMUM_ARGUMENTS = 256;
const MAXIMUM_ARGUMENT_LENGTH = 8192;
const MAXIMUM_ARGUMENTS_LENGTH = 131_072;
const MAXIMUM_METADATA_LENGTH = 65_536;

const argument = z
  .string()
  .max(MAXIMUM_ARGUMENT_LENGTH)
  .refine((text) => !text.includes("\0"), "must not hold a NUL character");

const packageFields = z.strictObject({
  registryType: z.enum(["command", "npm", "pypi", "oci"]),
  identifier: lineText(400).optional(),
  version: lineText(255).optional(),
  command: lineText(4096).optional(),
  args: z
    .array(argument)
    .max(MAXIMUM_ARGUMENTS)
    .refine(
      (args) => args.join("").length <= MAXIMUM_ARGUMENTS_LENGTH,
      "must have at most 131072 characters in all",
    )
    .default([]),
  transport: z.strictObject({ type: z.enum(["stdio", "streamable-http", "sse"]) }).default({ type: "stdio" }),
  environmentVariables: environmentVariablesSchema.default([]),
});

type PackageFields = z.output<typeof packageFields>;

function toPackage({ identifier, version, command, ...rest }: PackageFields): ServerPackage {
  return {
    ...rest,
    ...(identifier === undefined ? {} : { identifier }),
    ...(version === undefined ? {} : { version }),
    ...(command === undefined ? {} : { command }),
  };
}

const packageSchema = packageFields.transform(toPackage).superRefine((candidate, context) => {
  for (const { path, message } of argvProblems(candidate)) {
    context.addIssue({ code: "custom", path: [path], message });
  }
});

const remoteUrl = lineText(2048)
  .regex(/^https?:\/\/[^\s{}]+$/i, "must be an http or https address without placeholders")
  .refine((text) => URL.canParse(text), "must be an address")
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return !url?.username && !url?.password;
  }, "must not hold credentials; use a header");

const remoteSchema = z.strictObject({
  type: z.enum(["streamable-http", "sse"]),
  url: remoteUrl,
  headers: headersSchema.default([]),
});

const metadata = z
  .record(z.string(), z.unknown())
  .refine((value) => isBoundedJson(value, MAXIMUM_METADATA_LENGTH), "must be plain JSON of at most 64 kB");

/**
 * Input of `catalog.register` and of `POST /servers`; its output is a definition with every default filled in, which it takes as
 * input as well. Unknown members are refused.
 */
export const serverDefinitionSchema = z
  .strictObject({
    name: lineText(200).regex(
      /^[A-Za-z0-9][A-Za-z0-9._/-]*$/,
      "must be letters, digits, dots, dashes, underscores and slashes, starting with a letter or digit",
    ),
    title: lineText(200).nullable().default(null),
    description: blockText(2000),
    version: lineText(255).nullable().default(null),
    visibility: z.enum(["private", "public"]).default("private"),
    tags: z.array(lineText(100)).max(50).default([]),
    packages: z.array(packageSchema).max(MAXIMUM_PACKAGES).default([]),
    remotes: z.array(remoteSchema).max(MAXIMUM_PACKAGES).default([]),
    healthCheck: healthCheckSchema.default(DEFAULT_HEALTH_CHECK),
    resources: resourceLimitsSchema.nullable().default(null),
    metadata: metadata.default({}),
  })
  .superRefine(({ packages, remotes }, context) => {
    if (packages.length + remotes.length > 0) return;
    context.addIssue({ code: "custom", path: ["packages"], message: "needs at least one package or remote" });
  }) satisfies z.ZodType<ServerDefinitionInput>;
