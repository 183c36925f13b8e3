import { fileURLToPath } from "node:url";
import type {
  EnvironmentVariableSource,
  Runtime,
  ServerDefinitionSource,
  ServerPackageSource,
} from "@moorage/core";

/** The fixture servers: MCP servers as real scripts, each behaving well or badly in one particular way. */
export const FIXTURE_NAMES = [
  "echo",
  "echo-light",
  "slow",
  "crash",
  "needs-env",
  "ignores-sigterm",
  "chatty-stderr",
] as const;
export type FixtureName = (typeof FIXTURE_NAMES)[number];

/** The name of a program, package or image that is on no host: launching it fails, on the fake provider as well. */
export const MISSING_PROGRAM = "moorage-missing-program";

/** How to run one fixture server over stdio, and its definition for a catalog. */
export interface FixtureServer {
  readonly command: string;
  readonly args: readonly string[];
  readonly definition: ServerDefinitionSource;
}

interface FixtureNotes {
  readonly description: string;
  readonly environmentVariables?: readonly EnvironmentVariableSource[];
}

const ECHO_VARIABLES: readonly EnvironmentVariableSource[] = [
  { name: "GREETING", description: "Any text; read it back with the tool read-env." },
  { name: "TOKEN", description: "Any secret; read it back with the tool read-env.", isSecret: true },
];

const NOTES: Readonly<Record<FixtureName, FixtureNotes>> = {
  echo: { description: "Every flow of MCP in its smallest form.", environmentVariables: ECHO_VARIABLES },
  "echo-light": {
    description: "The tools of echo without a dependency; starts fast.",
    environmentVariables: ECHO_VARIABLES,
  },
  slow: { description: "Waits as long as it is told, and counts completed and cancelled calls." },
  crash: {
    description: "Ends when its tool crash is called, or at once.",
    environmentVariables: [
      { name: "CRASH_AT_START", description: "1: exits with code 1 before it answers anything." },
    ],
  },
  "needs-env": {
    description: "Does not start without API_KEY; whoami answers with a digest of it.",
    environmentVariables: [{ name: "API_KEY", description: "The key.", isRequired: true, isSecret: true }],
  },
  "ignores-sigterm": {
    description: "Ignores SIGTERM and the end of stdin; has to be killed.",
    environmentVariables: [
      { name: "LIFETIME_MS", type: "integer", description: "Milliseconds until it ends all the same." },
    ],
  },
  "chatty-stderr": {
    description: "Writes much to stderr, and a banner to stdout before its first message.",
    environmentVariables: [
      { name: "STDERR_KILOBYTES", type: "integer", description: "Kilobytes written at the start." },
    ],
  },
};

/** Absolute path of a fixture server's script, to be run with Node. */
export function fixtureScript(name: FixtureName): string {
  // The same from src/ and from dist/: both lie beside the scripts' folder.
  return fileURLToPath(new URL(`../fixture-servers/${name}.mjs`, import.meta.url));
}

/**
 * A server definition, ready for `catalog.register`, that runs the fixture with this process's own Node.
 * `overrides` replaces members of the definition as a whole.
 */
export function fixtureDefinition(
  name: FixtureName,
  overrides: Partial<ServerDefinitionSource> = {},
): ServerDefinitionSource {
  const { description, environmentVariables = [] } = NOTES[name];
  return {
    name: `fixture-${name}`,
    description,
    packages: [fixturePackage(name, environmentVariables)],
    ...overrides,
  };
}

/** The `runtime` of a launch request for the fixture, for tests that speak to a provider directly. */
export function fixtureRuntime(name: FixtureName): Runtime {
  return { type: "command", transport: "stdio", command: process.execPath, args: [fixtureScript(name)] };
}

function fixturePackage(
  name: FixtureName,
  environmentVariables: readonly EnvironmentVariableSource[],
): ServerPackageSource {
  return {
    registryType: "command",
    command: process.execPath,
    args: [fixtureScript(name)],
    transport: { type: "stdio" },
    environmentVariables,
  };
}

function fixtureServer(name: FixtureName): FixtureServer {
  return {
    command: process.execPath,
    args: [fixtureScript(name)],
    definition: fixtureDefinition(name),
  };
}

/** Every fixture server by name. */
export const fixtureServers: Readonly<Record<FixtureName, FixtureServer>> = {
  echo: fixtureServer("echo"),
  "echo-light": fixtureServer("echo-light"),
  slow: fixtureServer("slow"),
  crash: fixtureServer("crash"),
  "needs-env": fixtureServer("needs-env"),
  "ignores-sigterm": fixtureServer("ignores-sigterm"),
  "chatty-stderr": fixtureServer("chatty-stderr"),
};
