import { ARGUMENT_RULES, REFUSED_PROGRAMS } from "./launchers.ts";
import { packageNameProblems } from "./package-names.ts";
import type { ServerPackage } from "./server-definition.ts";

/** One thing that is wrong with how a package would be run; `path` is a field of the package. */
export interface ArgvProblem {
  readonly path: "command" | "args" | "identifier" | "version";
  readonly message: string;
}

type Runnable = Pick<ServerPackage, "registryType" | "identifier" | "version" | "command" | "args">;

/**
 * What keeps this package from being a plain launch of one program: code or switches among the arguments of an interpreter
 * or a package runner, programs that start another one, names that a registry does not have. Empty if nothing does. Any other program may
 * be named: whether it may run is for the approval to say.
 */
export function argvProblems(candidate: Runnable): readonly ArgvProblem[] {
  if (candidate.registryType !== "command") {
    const stray: ArgvProblem[] =
      candidate.command === undefined
        ? []
        : [
            {
              path: "command",
              message: `is for registryType command; ${candidate.registryType} has an identifier`,
            },
          ];
    return [...packageNameProblems(candidate), ...stray];
  }
  const stray = (["identifier", "version"] as const)
    .filter((path) => candidate[path] !== undefined)
    .map((path): ArgvProblem => ({ path, message: "is not for registryType command" }));
  return [...stray, ...commandProblems(candidate.command, candidate.args)];
}

function commandProblems(command: string | undefined, args: readonly string[]): readonly ArgvProblem[] {
  if (command === undefined || command === "")
    return [{ path: "command", message: "is needed for registryType command" }];
  if (command.startsWith("-") || command.trim() !== command) {
    return [{ path: "command", message: "must be the name or the path of a program" }];
  }
  if (/^[^/\\]*\s/.test(command)) {
    return [{ path: "command", message: "must be one program; put its arguments into args" }];
  }
  const name = programName(command);
  if (Object.hasOwn(REFUSED_PROGRAMS, name)) {
    return [{ path: "command", message: `"${name}" ${REFUSED_PROGRAMS[name]}` }];
  }
  return argumentProblems(name, args);
}

function argumentProblems(name: string, args: readonly string[]): readonly ArgvProblem[] {
  if (name === "uv") return uvProblems(args);
  const message = Object.hasOwn(ARGUMENT_RULES, name) ? ARGUMENT_RULES[name]?.(args) : undefined;
  return message === undefined ? [] : [{ path: "args", message: `"${name}" ${message}` }];
}

const UV_MESSAGE = '"uv" must be given run and a program or script, or tool run and a package';

/** `uv tool run x` is `uvx x`; `uv run x` runs what `x` names in the project's environment. */
function uvProblems(args: readonly string[]): readonly ArgvProblem[] {
  if (args[0] === "tool" && args[1] === "run") return argumentProblems("uvx", args.slice(2));
  const rest = withoutDirectory(args);
  if (rest[0] !== "run") return [{ path: "args", message: UV_MESSAGE }];
  const [program, ...programArgs] = withoutDirectory(rest.slice(1));
  if (program === undefined || program.startsWith("-")) return [{ path: "args", message: UV_MESSAGE }];
  if (program.endsWith(".py")) return [];
  return commandProblems(program, programArgs).map(({ message }) => ({ path: "args", message }));
}

function withoutDirectory(args: readonly string[]): readonly string[] {
  if (args[0] !== "--directory" && args[0] !== "--project") return args;
  return args.slice(2);
}

/** `/usr/bin/python3.11` is python, `C:\node\NODE.EXE` is node. */
function programName(command: string): string {
  const base = command.slice(Math.max(command.lastIndexOf("/"), command.lastIndexOf("\\")) + 1).toLowerCase();
  const name = base.replace(/[. ]+$/, "").replace(/\.(exe|cmd|bat|com|ps1)$/, "");
  if (/^ld(-[a-z0-9_-]+|64)?\.so(\.|$)/.test(name)) return "ld.so";
  return name.replace(/[-.]?\d+(\.\d+)*$/, "") || name;
}
