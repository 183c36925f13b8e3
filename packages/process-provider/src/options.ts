import { spawn } from "node:child_process";
import { env } from "node:process";
import { type Clock, PlatformError, systemClock } from "@moorage/core";
import { z } from "zod";
import type { SpawnFunction } from "./spawn.ts";

/** Settings of {@link processProvider}; all optional. */
export interface ProcessProviderOptions {
  /** Where working folders and package caches are; a folder of this user below the system's temporary folder if left out. */
  readonly stateDirectory?: string;
  /** Folder that every server starts in, instead of each in a folder of its own. */
  readonly workingDirectory?: string;
  /** Folder in memory (tmpfs) for secrets that are delivered by file; `/dev/shm`, else `$XDG_RUNTIME_DIR`, if left out. */
  readonly secretDirectory?: string;
  /** Milliseconds a server may take to end before it is killed; 10,000 if left out. */
  readonly stopGraceMs?: number;
  /** Bytes of one message from a server; 10 MiB if left out. A longer one ends the server with `FRAME_TOO_LARGE`. */
  readonly maxLineBytes?: number;
  /** Bytes of log lines kept for each instance; 256 KiB if left out. */
  readonly logBytes?: number;
  /** Connections, and with them processes, that one instance may have at a time; 100 if left out. */
  readonly maxConnections?: number;
  /** Variables of the host passed on besides `PATH`, `LANG`, `LC_*`, `TZ` and `TMPDIR`; with `HOME` servers see the host user's home. */
  readonly environmentAllowList?: readonly string[];
  /** Folders whose `node_modules` are looked through before npx is asked to fetch a package. */
  readonly packageRoots?: readonly string[];
  /** Program that runs npm packages; `npx` if left out. */
  readonly npx?: string;
  /** Program that runs PyPI packages; `uvx` if left out. */
  readonly uvx?: string;
  /** Variables of the host, of which the allowed ones are passed on; those of this process if left out. */
  readonly hostEnvironment?: Readonly<Record<string, string | undefined>>;
  readonly spawn?: SpawnFunction;
  readonly clock?: Clock;
}

/** {@link ProcessProviderOptions} with every default filled in. */
export type Settings = Required<Omit<ProcessProviderOptions, OptionalSetting>> &
  Pick<ProcessProviderOptions, OptionalSetting>;

type OptionalSetting = "stateDirectory" | "workingDirectory" | "secretDirectory";

const names = z.array(z.string().min(1));
const count = z.int().min(1);

const plainOptions = z.object({
  stateDirectory: z.string().min(1).optional(),
  workingDirectory: z.string().min(1).optional(),
  secretDirectory: z.string().startsWith("/").optional(),
  stopGraceMs: z.int().min(0).max(600_000).default(10_000),
  maxLineBytes: count.default(10 * 1024 * 1024),
  logBytes: count.default(256 * 1024),
  maxConnections: count.default(100),
  environmentAllowList: names.default([]),
  packageRoots: names.default([]),
  npx: z.string().min(1).default("npx"),
  uvx: z.string().min(1).default("uvx"),
});

/** Checks the options and fills in defaults. Throws `INVALID_INPUT` naming each option that is wrong. */
export function parseOptions(options: ProcessProviderOptions): Settings {
  const { hostEnvironment = env, spawn: spawnOption = spawn, clock = systemClock, ...plain } = options;
  const parsed = parse(plainOptions.strict(), plain, "processProvider");
  return { ...parsed, hostEnvironment, spawn: spawnOption, clock } as Settings;
}

/** This provider has no settings of single instances: anything but nothing is a mistake. */
export function checkProviderOptions(providerOptions: unknown): void {
  parse(z.strictObject({}), providerOptions ?? {}, "providerOptions");
}

function parse<Schema extends z.ZodType>(schema: Schema, input: unknown, name: string): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => ({
    path: [name, ...path].join("."),
    message,
  }));
  const text = issues.map(({ path, message }) => `${path}: ${message}`).join("; ");
  throw new PlatformError("INVALID_INPUT", `${text}. Correct or leave out what is named.`, {
    details: { issues },
  });
}
