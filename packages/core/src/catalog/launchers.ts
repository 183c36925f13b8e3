import { packageNameProblems } from "./package-names.ts";

/** What one program may be given, in words for a message; undefined if it may be given these. */
export type ArgumentRule = (args: readonly string[]) => string | undefined;

const SCRIPT_MESSAGE = "must be given a script file first, not code, a switch or nothing";

/** `C:\server.js` is a file; `data:text/javascript,...` is code. */
const ADDRESS = /^[A-Za-z][A-Za-z0-9+.-]+:/;

function isScriptPath(argument: string | undefined): boolean {
  return argument !== undefined && argument !== "" && !/^[-+]/.test(argument) && !ADDRESS.test(argument);
}

/** Switches from the list, then a script file; what comes after it is the script's own. */
function scriptAfter(switches: RegExp, message = SCRIPT_MESSAGE): ArgumentRule {
  return (args) => (isScriptPath(args.find((argument) => !switches.test(argument))) ? undefined : message);
}

/** Splits `name`, `name@1.2.3`, `@scope/name@1.2.3`; `latest` is the same as no version. */
export function splitNpmSpec(spec: string): { readonly identifier: string; readonly version?: string } {
  return splitSpec(spec, spec.indexOf("@", 1), 1);
}

/** Splits `name`, `name==1.2.3` and `name@1.2.3`; `latest` is the same as no version. */
export function splitPypiSpec(spec: string): { readonly identifier: string; readonly version?: string } {
  const equals = spec.indexOf("==");
  return equals > 0 ? splitSpec(spec, equals, 2) : splitSpec(spec, spec.indexOf("@"), 1);
}

function splitSpec(spec: string, at: number, width: number) {
  if (at <= 0) return { identifier: spec };
  const version = spec.slice(at + width);
  return version === "latest"
    ? { identifier: spec.slice(0, at) }
    : { identifier: spec.slice(0, at), version };
}

/** Reads the arguments of `npx`: `-y` or nothing, a package, and the package's arguments. */
export function readNpxArguments(args: readonly string[]) {
  return readRunnerArguments(args, /^(-y|--yes|--)$/);
}

/** Reads the arguments of `uvx`: a package and the package's arguments. */
export function readUvxArguments(args: readonly string[]) {
  return readRunnerArguments(args, /^--$/);
}

function readRunnerArguments(args: readonly string[], switches: RegExp) {
  const at = args.findIndex((argument) => !switches.test(argument));
  return { spec: at < 0 ? undefined : args[at], rest: at < 0 ? [] : args.slice(at + 1) };
}

const npmRunner =
  (switches: RegExp): ArgumentRule =>
  (args) => {
    const { spec } = readRunnerArguments(args, switches);
    const problems = packageNameProblems({
      registryType: "npm",
      ...(spec === undefined ? {} : splitNpmSpec(spec)),
    });
    return problems.length === 0
      ? undefined
      : "must be given the name of a package in the npm registry first, with an exact version or none";
  };

const PYPI_MESSAGE =
  "must be given the name of a package in the pypi registry first, with an exact version or none";

const uvx: ArgumentRule = (args) => {
  const first = args[0] ?? "";
  const [spec, program] = first === "--from" ? [args[1], args[2]] : [readUvxArguments(args).spec, undefined];
  if (first === "--from" && !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(program ?? "")) return PYPI_MESSAGE;
  const problems = packageNameProblems({
    registryType: "pypi",
    ...(spec === undefined ? {} : splitPypiSpec(spec)),
  });
  return problems.length === 0 ? undefined : PYPI_MESSAGE;
};

/** Modules that execute what their arguments say. */
const CODE_MODULES =
  /^(timeit|pdb|bdb|code|codeop|runpy|cProfile|profile|trace|doctest|unittest|idlelib|IPython|ptpython|pip|pipx|uv|ensurepip|venv|virtualenv|zipapp|compileall|py_compile|site|webbrowser)(\.|$)/;
const PYTHON_SWITCHES = /^-[uBEIsSOq]$|^-OO$/;

const python: ArgumentRule = (args) => {
  const at = args.findIndex((argument) => !PYTHON_SWITCHES.test(argument));
  const [first, module] = at < 0 ? [] : args.slice(at);
  if (first !== "-m") return isScriptPath(first) ? undefined : SCRIPT_MESSAGE;
  const isModule = module !== undefined && /^[A-Za-z_][A-Za-z0-9_.]*$/.test(module);
  return isModule && !CODE_MODULES.test(module)
    ? undefined
    : "must be given a module that runs no code from its arguments";
};

const node = scriptAfter(
  /^--(no-warnings|enable-source-maps|trace-warnings|no-deprecation|experimental-strip-types|max-old-space-size=\d+)$/,
);

const java: ArgumentRule = (args) => {
  const rest = args.slice(args.findIndex((argument) => !/^-(Xm[sx]\d+[kmgKMG]|server)$/.test(argument)));
  return rest[0] === "-jar" && isScriptPath(rest[1]) ? undefined : "must be given -jar and a file first";
};

/** Programs of which only certain uses are plain launches. */
export const ARGUMENT_RULES: Readonly<Record<string, ArgumentRule>> = {
  npx: npmRunner(/^(-y|--yes|--)$/),
  bunx: npmRunner(/^(--bun|-y|--)$/),
  pnpx: npmRunner(/^--$/),
  uvx,
  node,
  nodejs: node,
  tsx: scriptAfter(/^$/),
  "ts-node": scriptAfter(/^$/),
  bun: (args) => scriptAfter(/^run$/)(args[0] === "x" || args[0] === "exec" ? [] : args),
  deno: (args) =>
    args[0] === "run"
      ? scriptAfter(/^(-A|--allow-[a-z]+(=.*)?|--no-prompt)$/)(args.slice(1))
      : "must be given run and a script file",
  python,
  pypy: python,
  java,
  ...Object.fromEntries(
    [
      "sh",
      "bash",
      "dash",
      "ash",
      "zsh",
      "ksh",
      "mksh",
      "fish",
      "csh",
      "tcsh",
      "rbash",
      "nu",
      "elvish",
      "xonsh",
    ]
      .concat(["perl", "ruby", "php", "lua", "luajit", "rscript", "tclsh", "wish", "expect", "osascript"])
      .concat([
        "groovy",
        "scala",
        "julia",
        "guile",
        "racket",
        "erl",
        "elixir",
        "iex",
        "irb",
        "ghci",
        "jshell",
        "swift",
      ])
      .map((name) => [name, scriptAfter(/^$/)]),
  ),
};

const OTHER_PROGRAM = "starts another program; give that program as the command";
const CONTAINER = "starts containers; use a package of registryType oci";
const ONE_LINER = "runs code from its arguments";
const SCRIPTS = "runs scripts through a shell; use npx, or node with a script file";

/** Programs that are refused whatever they are given. */
export const REFUSED_PROGRAMS: Readonly<Record<string, string>> = {
  ...named(
    ["docker", "podman", "nerdctl", "docker-compose", "podman-compose", "buildah", "ctr", "lxc"],
    CONTAINER,
  ),
  ...named(
    ["env", "sudo", "doas", "su", "runuser", "nohup", "nice", "ionice", "timeout", "xargs", "setsid"],
    OTHER_PROGRAM,
  ),
  ...named(
    ["stdbuf", "time", "strace", "ltrace", "gdb", "chroot", "unshare", "nsenter", "setpriv", "script"],
    OTHER_PROGRAM,
  ),
  ...named(
    ["watch", "parallel", "ssh", "find", "flock", "busybox", "toybox", "exec", "command", "start"],
    OTHER_PROGRAM,
  ),
  ...named(["taskset", "chrt", "prlimit", "systemd-run", "ld.so", "screen", "tmux", "rlwrap"], OTHER_PROGRAM),
  ...named(
    ["cmd", "command.com", "powershell", "pwsh", "wsl", "wscript", "cscript", "mshta", "rundll32"],
    ONE_LINER,
  ),
  ...named(
    ["awk", "gawk", "mawk", "nawk", "sed", "vim", "vi", "ed", "emacs", "make", "git", "tar", "socat"],
    ONE_LINER,
  ),
  ...named(["npm", "pnpm", "yarn", "corepack", "nodemon", "pm2"], SCRIPTS),
};

function named(names: readonly string[], reason: string): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, reason]));
}
