import { isForbiddenVariable, PlatformError } from "@moorage/core";

/** Variables of the host that a server gets; everything else of the host's environment stays with the host. */
const PASSED_ON = ["PATH", "LANG", "TZ", "TMPDIR"];
const PASSED_ON_PREFIX = "LC_";

export interface EnvironmentOptions {
  readonly hostEnvironment: Readonly<Record<string, string | undefined>>;
  /** Further names of the host's that are passed on. */
  readonly allowList: readonly string[];
  /** The server's own folder; its home unless `HOME` is in the allow-list. */
  readonly folder: string;
  /** Where package launchers keep what they downloaded, for all instances. */
  readonly cacheFolder: string;
  readonly requested: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

/** The whole environment of a child: allow-listed names of the host, package caches, what was asked for, tags. */
export function childEnvironment(options: EnvironmentOptions): Record<string, string> {
  const { hostEnvironment, allowList, folder, cacheFolder, requested, tags } = options;
  const names = Object.keys(hostEnvironment).filter(
    (name) => PASSED_ON.includes(name) || name.startsWith(PASSED_ON_PREFIX) || allowList.includes(name),
  );
  const inherited = names.flatMap((name): [string, string][] => {
    const value = hostEnvironment[name];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    HOME: folder,
    NODE_ENV: "production",
    npm_config_cache: `${cacheFolder}/npm`,
    npm_config_update_notifier: "false",
    UV_CACHE_DIR: `${cacheFolder}/uv`,
    UV_PYTHON_INSTALL_DIR: `${cacheFolder}/uv-python`,
    ...Object.fromEntries(inherited),
    ...requested,
    ...tags,
  };
}

/** Throws `INVALID_INPUT` naming every variable that a caller may not set, or that no process could be given. */
export function checkRequestedEnvironment(requested: Readonly<Record<string, string>>): void {
  const issues = Object.entries(requested).flatMap(([name, value]) => {
    const message = problemWith(name, value);
    return message ? [{ path: `environment.${name}`, message }] : [];
  });
  if (issues.length === 0) return;
  const text = issues.map(({ message }) => message).join(" ");
  throw new PlatformError("INVALID_INPUT", text, { details: { issues } });
}

function problemWith(name: string, value: unknown): string | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return `"${name}" is not a variable name; use letters, digits and underscores, not starting with a digit.`;
  }
  if (typeof value !== "string" || value.includes("\0")) {
    return `The value of ${name} is not text without NUL characters.`;
  }
  return isForbiddenVariable(name)
    ? `${name} may not be set, because it changes which code runs on the host.`
    : undefined;
}
