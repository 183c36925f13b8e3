import { invalidInput } from "../input.ts";
import { type ConfigurationContext, fillDefaults, readVariables } from "./import-placeholders.ts";
import { readNpxArguments, readUvxArguments, splitNpmSpec, splitPypiSpec } from "./launchers.ts";
import { packageNameProblems } from "./package-names.ts";
import type { EnvironmentVariableSource, ServerPackageSource } from "./server-definition.ts";

interface CommandEntry {
  readonly command?: string | null | undefined;
  readonly args?: readonly (string | number | boolean)[] | null | undefined;
  readonly env?: Readonly<Record<string, string | number | boolean | null>> | null | undefined;
}

/** `npx`, `uvx` and `docker run`, where their arguments are plain, as the package they run; anything else as the command it is. */
export function readCommand(entry: CommandEntry, context: ConfigurationContext): ServerPackageSource {
  const filled = (entry.args ?? []).map((argument, index) =>
    fillDefaults(String(argument), `args.${index}`, context),
  );
  const [command, args] = unwrap(fillDefaults(entry.command ?? "", "command", context), filled);
  const environmentVariables = readVariables(entry.env ?? {}, { ...context, path: "env" });
  const name = command.replace(/\.(exe|cmd)$/i, "");
  if (name === "docker" || name === "podman") return readContainer(args, { context, environmentVariables });
  const runnable = readRunner(name, args, context) ?? { registryType: "command", command, args };
  return { ...runnable, transport: { type: "stdio" }, environmentVariables };
}

/** Configurations for Windows start scripts such as `npx` through `cmd /c`. */
function unwrap(command: string, args: readonly string[]): readonly [string, readonly string[]] {
  const [first = "", program = "", ...rest] = args;
  const isWrapper = /^cmd(\.exe)?$/i.test(command) && /^\/c$/i.test(first);
  return isWrapper && /^(npx|uvx|node|python3?)$/.test(program) ? [program, rest] : [command, args];
}

function readRunner(name: string, args: readonly string[], { notes }: ConfigurationContext) {
  const registryType = name === "npx" ? "npm" : name === "uvx" ? "pypi" : undefined;
  if (!registryType) return undefined;
  const { spec, rest } = registryType === "npm" ? readNpxArguments(args) : readUvxArguments(args);
  const parts = (registryType === "npm" ? splitNpmSpec : splitPypiSpec)(spec ?? "");
  if (packageNameProblems({ registryType, ...parts }).length > 0) return undefined;
  if (parts.version === undefined)
    notes.push(`${parts.identifier} has no exact version: each start may fetch another one.`);
  return { registryType, ...parts, args: rest } as const;
}

interface ContainerContext {
  readonly context: ConfigurationContext;
  readonly environmentVariables: readonly EnvironmentVariableSource[];
}

const CONTAINER_SWITCHES = new Set(["-i", "--interactive", "--rm", "--init"]);
const VARIABLE_SWITCHES = new Set(["-e", "--env"]);

/** `docker run [-i] [--rm] [--init] [-e NAME[=value]]... image [args]`; other switches would be lost, so they are refused. */
function readContainer(
  args: readonly string[],
  { context, environmentVariables }: ContainerContext,
): ServerPackageSource {
  const refuse = (index: number, message: string) =>
    invalidInput(context.what, [{ path: `args.${index}`, message }]);
  if (args[0] !== "run") throw refuse(0, "must be run; other commands for containers are not supported");
  const inline: Record<string, string> = {};
  const passed: string[] = [];
  let index = 1;
  for (; args[index]?.startsWith("-"); index += 1) {
    const argument = args[index] ?? "";
    if (CONTAINER_SWITCHES.has(argument)) continue;
    const joined = /^--env=(.*)$/s.exec(argument)?.[1];
    if (joined === undefined && !VARIABLE_SWITCHES.has(argument)) {
      throw refuse(index, `switch ${argument.split("=")[0]} of a container is not supported here`);
    }
    if (joined === undefined) index += 1;
    const [name = "", ...value] = (joined ?? args[index] ?? "").split("=");
    if (value.length > 0) inline[name] = value.join("=");
    else passed.push(name);
  }
  const image = args[index];
  if (image === undefined) throw refuse(index, "must be the image");
  const named = new Set(environmentVariables.map((variable) => variable.name));
  const others = Object.entries({
    ...Object.fromEntries(passed.map((name) => [name, `\${${name}}`])),
    ...inline,
  });
  const further = Object.fromEntries(others.filter(([name]) => !named.has(name)));
  return {
    registryType: "oci",
    identifier: image,
    args: args.slice(index + 1),
    transport: { type: "stdio" },
    environmentVariables: [...environmentVariables, ...readVariables(further, { ...context, path: "args" })],
  };
}
