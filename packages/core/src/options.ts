import { z } from "zod";
import { PlatformError } from "./errors.ts";
import { parseInput } from "./input.ts";
import type { PlatformOptions } from "./platform-types.ts";

const milliseconds = z.int().min(1).max(86_400_000);

/** Every default of the platform's plain-data options, in one place. */
const optionsSchema = z.object({
  basePath: z
    .string()
    .regex(/^(\/[A-Za-z0-9._~-]+)*$/, 'must look like "/moorage", without a slash at the end')
    .default("/moorage"),
  tablePrefix: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,30}$/, "must be lower-case letters, digits and underscores")
    .default("mcp_"),
  requireActor: z.boolean().default(false),
  limits: z
    .strictObject({
      instancesPerOwner: z.int().min(1).default(10),
      machinesPerOwner: z.int().min(1).default(3),
      requestBytes: z
        .int()
        .min(1024)
        .default(4 * 1024 * 1024),
    })
    .prefault({}),
  timeouts: z
    .strictObject({
      launchMs: milliseconds.default(60_000),
      stopMs: milliseconds.default(10_000),
      toolCallMs: milliseconds.default(30_000),
      healthMs: milliseconds.default(5_000),
    })
    .prefault({}),
  healthIntervalMs: milliseconds.default(30_000),
});

export type PlainOptions = z.output<typeof optionsSchema>;

const KNOWN = new Set([
  ...Object.keys(optionsSchema.shape),
  "database",
  "providers",
  "defaultProvider",
  "vault",
  "scheduler",
  "proxy",
  "plugins",
  "authenticate",
  "authorize",
  "rateLimits",
  "logger",
  "clock",
  "ids",
]);

/** Fills in the defaults. Throws `INVALID_INPUT` for an option that does not exist or does not fit. */
export function readOptions(options: PlatformOptions): PlainOptions {
  const unknown = Object.keys(options).filter((name) => !KNOWN.has(name));
  if (unknown.length > 0) {
    throw invalid(unknown[0] ?? "", `There is no option ${unknown.map((name) => `"${name}"`).join(", ")}.`);
  }
  const names = Object.keys(options.providers ?? {});
  const { defaultProvider } = options;
  if (defaultProvider !== undefined && !names.includes(defaultProvider)) {
    throw invalid(
      "defaultProvider",
      `defaultProvider "${defaultProvider}" is not among the providers: ${names.join(", ")}.`,
    );
  }
  return parseInput(optionsSchema, pick(options), "platform options");
}

function pick(options: PlatformOptions): object {
  const given = options as unknown as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Object.keys(optionsSchema.shape).flatMap((name) =>
      given[name] === undefined ? [] : [[name, given[name]]],
    ),
  );
}

function invalid(path: string, message: string): PlatformError {
  return new PlatformError("INVALID_INPUT", message, { details: { issues: [{ path, message }] } });
}
