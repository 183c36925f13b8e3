import { describe, expect, it } from "vitest";
import { checkRequestedEnvironment, childEnvironment } from "./environment.ts";

const base = {
  hostEnvironment: { PATH: "/bin", HOME: "/root", LC_ALL: "C", MASTER_KEY: "secret", GONE: undefined },
  allowList: [],
  folder: "/state/instances/i",
  cacheFolder: "/state/cache",
  requested: {},
  tags: {},
};

describe("the environment of a child", () => {
  it("has of the host's variables the allowed ones only", () => {
    expect(Object.keys(childEnvironment(base)).sort()).toEqual(
      "HOME LC_ALL NODE_ENV PATH UV_CACHE_DIR UV_PYTHON_INSTALL_DIR npm_config_cache npm_config_update_notifier".split(
        " ",
      ),
    );
    expect(childEnvironment(base)).toMatchObject({ HOME: "/state/instances/i", PATH: "/bin", LC_ALL: "C" });
  });

  it("has the host user's home where the host allows that, and what else it allows", () => {
    const allowList = ["HOME", "MASTER_KEY", "GONE"];
    const environment = childEnvironment({ ...base, allowList });
    expect(environment).toMatchObject({ HOME: "/root", MASTER_KEY: "secret" });
    expect(environment).not.toHaveProperty("GONE");
  });

  it("has what was asked for above what the host has, and the marks above all", () => {
    const requested = { LC_ALL: "fr", NODE_ENV: "development", MOORAGE_HOST: "forged" };
    const environment = childEnvironment({ ...base, requested, tags: { MOORAGE_HOST: "true" } });
    expect(environment).toMatchObject({ LC_ALL: "fr", NODE_ENV: "development", MOORAGE_HOST: "true" });
  });
});

describe("a requested variable", () => {
  const refused = (requested: Record<string, string>) => {
    try {
      checkRequestedEnvironment(requested);
      return [];
    } catch (error) {
      return (error as { details: { issues: { path: string }[] } }).details.issues.map(({ path }) => path);
    }
  };

  it.each([
    "NODE_OPTIONS",
    "npm_config_node_options",
    "NPM_CONFIG_REGISTRY",
    "LD_PRELOAD",
    "DYLD_INSERT_LIBRARIES",
    "BASH_ENV",
    "PYTHONSTARTUP",
    "UV_INDEX_URL",
    "GIT_SSH_COMMAND",
    "PATH",
    "HOME",
    "MOORAGE_INSTANCE",
  ])("named %s is refused, because it could run other code than was approved", (name) => {
    expect(refused({ [name]: "x" })).toEqual([`environment.${name}`]);
  });

  it("may be anything else, even empty or of several lines", () => {
    expect(refused({ API_KEY: "a\nb", EMPTY: "", _x1: "ü", GITHUB_TOKEN: "t", NODE_ENV: "x" })).toEqual([]);
  });

  it("is refused with all others that are wrong, and without its value", () => {
    const requested = { "A=B": "hidden-1", "1A": "hidden-2", OK: "nul\0", LD_AUDIT: "hidden-3" };
    expect(refused(requested)).toHaveLength(4);
    expect(() => checkRequestedEnvironment(requested)).toThrow(
      expect.objectContaining({ code: "INVALID_INPUT", message: expect.not.stringContaining("hidden") }),
    );
  });
});
