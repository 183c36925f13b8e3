import { PlatformError, type Runtime } from "@moorage/core";
import { findInstalledScript } from "./packages.ts";

/** A program and its arguments, as they are handed to the system. */
export interface CommandLine {
  readonly file: string;
  readonly args: readonly string[];
}

export interface LauncherOptions {
  readonly npx: string;
  readonly uvx: string;
  readonly packageRoots: readonly string[];
}

const NPM_NAME = /^(@[a-z0-9-~][a-z0-9-._~]*\/)?[a-z0-9-~][a-z0-9-._~]*$/;
const NPM_VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]*$/;
const PYPI_NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const PYPI_VERSION = /^[0-9A-Za-z][0-9A-Za-z.+!-]*$/;

/** Throws `UNSUPPORTED` or `INVALID_INPUT` for a runtime that is not one this provider can run. */
export function checkRuntime(runtime: Runtime): void {
  if (runtime.transport !== "stdio") {
    throw new PlatformError(
      "UNSUPPORTED",
      `The process provider does not speak "${runtime.transport}"; use transport "stdio", or run the server yourself and register its URL.`,
    );
  }
  if (runtime.type !== "command" && runtime.type !== "npm" && runtime.type !== "pypi") {
    throw new PlatformError(
      "UNSUPPORTED",
      `The process provider does not run "${runtime.type}"; it runs "command", "npm" and "pypi".`,
    );
  }
  if (!runtime.args.every((argument) => typeof argument === "string" && !argument.includes("\0"))) {
    throw invalid("runtime.args", "Arguments must be text without NUL characters.");
  }
  if (runtime.type === "command") checkCommand(runtime.command);
  else checkPackage(runtime);
}

/** The command line of a checked runtime. No shell reads it, and no launcher takes a switch from `args`. */
export async function commandLineOf(runtime: Runtime, options: LauncherOptions): Promise<CommandLine> {
  const { type, identifier = "", version, args } = runtime;
  if (type === "command") return { file: runtime.command ?? "", args };
  if (type === "pypi") {
    return { file: options.uvx, args: [version ? `${identifier}==${version}` : identifier, ...args] };
  }
  const script = await findInstalledScript({ identifier, version, packageRoots: options.packageRoots });
  if (script) return { file: process.execPath, args: [script, ...args] };
  return { file: options.npx, args: ["--yes", version ? `${identifier}@${version}` : identifier, ...args] };
}

function checkCommand(command: string | undefined): void {
  if (command === undefined || command.trim() === "" || command.includes("\0")) {
    throw invalid("runtime.command", "A runtime of type command needs the program to run as its command.");
  }
}

/** A launcher reads a folder, an address or a switch from what is not plainly a name; see its grammar. */
function checkPackage({ type, identifier = "", version }: Runtime): void {
  const [name, versions] = type === "npm" ? [NPM_NAME, NPM_VERSION] : [PYPI_NAME, PYPI_VERSION];
  if (identifier.startsWith("-") || !name.test(identifier)) {
    throw invalid(
      "runtime.identifier",
      `"${identifier}" is not the name of a package in the ${type} registry.`,
    );
  }
  if (version !== undefined && !versions.test(version)) {
    throw invalid(
      "runtime.version",
      `"${version}" is not an exact version; write for example "1.2.3", or leave it out.`,
    );
  }
}

function invalid(path: string, message: string): PlatformError {
  return new PlatformError("INVALID_INPUT", message, { details: { issues: [{ path, message }] } });
}
