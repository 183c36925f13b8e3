import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPlatformError } from "../errors.ts";
import { checkEnvironment, withDefaults } from "./environment.ts";
import { isForbiddenVariable } from "./forbidden-variables.ts";
import type { EnvironmentVariable } from "./server-definition.ts";

function variable(name: string, changes: Partial<EnvironmentVariable> = {}): EnvironmentVariable {
  return {
    name,
    type: "string",
    description: "",
    isRequired: false,
    isSecret: false,
    default: null,
    ...changes,
  };
}

const variables = [
  variable("TOKEN", { isRequired: true, isSecret: true }),
  variable("REGION", { isRequired: true, choices: ["eu", "us"] }),
  variable("PORT", { isRequired: true, type: "integer", default: "8080" }),
  variable("URL", { format: "uri" }),
  variable("DEBUG", { type: "boolean" }),
  variable("RATIO", { type: "number" }),
];

function failure(environment: Record<string, string>, options = {}) {
  try {
    checkEnvironment(variables, environment, options);
  } catch (error) {
    if (isPlatformError(error)) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

const paths = (environment: Record<string, string>) => {
  const error = failure({ TOKEN: "secret:t", REGION: "eu", ...environment });
  return (error.details as { issues: { path: string }[] }).issues.map(({ path }) => path);
};

describe("checkEnvironment", () => {
  it("sorts values into literals, secrets to seal, and references", () => {
    const checked = checkEnvironment(variables, { TOKEN: "hunter2", REGION: "secret:region", DEBUG: "true" });
    expect(checked).toEqual({
      literals: { DEBUG: "true" },
      secretsToSeal: { TOKEN: "hunter2" },
      references: { REGION: "secret:region" },
    });
  });

  it("takes both kinds of references for any variable, without looking at the type", () => {
    const environment = { TOKEN: "secret:t", REGION: "secret_ref:instance_123:REGION", PORT: "secret:port" };
    expect(checkEnvironment(variables, environment).references).toEqual(environment);
  });

  it("names every missing variable at once", () => {
    const error = failure({});
    expect(error.code).toBe("MISSING_VARIABLES");
    expect(error.details).toEqual({ missing: ["TOKEN", "REGION"] });
    expect(error.message).toContain("TOKEN, REGION");
  });

  it("takes an empty required value for missing", () => {
    expect(failure({ TOKEN: "", REGION: "eu" }).details).toEqual({ missing: ["TOKEN"] });
  });

  it("names every value that does not fit at once", () => {
    expect(paths({ REGION: "mars", PORT: "http", URL: "x", DEBUG: "yes", RATIO: "1/2" })).toEqual([
      "environment.REGION",
      "environment.PORT",
      "environment.URL",
      "environment.DEBUG",
      "environment.RATIO",
    ]);
  });

  it("never repeats a value", () => {
    const error = failure({
      TOKEN: "hunter2\0",
      PORT: "hunter2",
      OTHER: "hunter2",
      REGION: "secret:hunter2-x",
    });
    expect(JSON.stringify([error.message, error.details])).not.toContain("hunter2");
  });

  it.each(["secret:", "secret:a-b", "secret:a b", "secret_ref:x", "secret_ref:a:b:c", "secret_ref::X"])(
    "takes %j for a reference that is wrong, not for a literal",
    (value) => expect(paths({ URL: value })).toEqual(["environment.URL"]),
  );

  it("refuses variables that the definition does not name, unless the caller is trusted", () => {
    expect(paths({ EXTRA: "x" })).toEqual(["environment.EXTRA"]);
    const environment = { TOKEN: "secret:t", REGION: "eu", EXTRA: "x" };
    expect(checkEnvironment(variables, environment, { allowUndeclared: true }).literals).toHaveProperty(
      "EXTRA",
      "x",
    );
    expect(failure({ ...environment, "A B": "x" }, { allowUndeclared: true }).code).toBe("INVALID_INPUT");
  });

  it("refuses variables that change which code runs, references and trusted callers included", () => {
    expect(paths({ NODE_OPTIONS: "--require=/tmp/x", LD_PRELOAD: "secret:x" })).toEqual([
      "environment.NODE_OPTIONS",
      "environment.LD_PRELOAD",
    ]);
    expect(failure({ TOKEN: "a", REGION: "eu", PATH: "/tmp" }, { allowUndeclared: true }).message).toContain(
      "environment.PATH",
    );
  });

  it("bounds one value and all together", () => {
    expect(paths({ URL: `https://x/${"a".repeat(65_536)}` })).toEqual(["environment.URL"]);
    const many = Array.from({ length: 9 }, (_, index) => variable(`V${index}`));
    const values = Object.fromEntries(many.map(({ name }) => [name, "x".repeat(65_000)]));
    expect(() => checkEnvironment(many, values)).toThrowError(
      /environment: must have at most 524288 characters/,
    );
  });

  it("takes the names of objects' own members for undeclared variables", () => {
    expect(paths({ constructor: "x", toString: "y" })).toEqual([
      "environment.constructor",
      "environment.toString",
    ]);
    const needed = [variable("toString", { isRequired: true })];
    expect(() => checkEnvironment(needed, {})).toThrowError(/toString/);
  });

  it("puts every value into exactly one group", () => {
    const value = fc.oneof(fc.constantFrom("secret:a", "x", "eu", "1"), fc.string({ maxLength: 5 }));
    const declared = ["A", "B", "C"].map((name, index) => variable(name, { isSecret: index === 0 }));
    const environment = fc.dictionary(fc.constantFrom("A", "B", "C"), value);
    fc.assert(
      fc.property(environment, (given) => {
        if (Object.values(given).some((text) => text.includes("\0"))) return;
        const { literals, secretsToSeal, references } = checkEnvironment(declared, given);
        expect({ ...literals, ...secretsToSeal, ...references }).toEqual({ ...given });
        expect(Object.keys(literals)).not.toContain("A");
      }),
    );
  });
});

describe("withDefaults", () => {
  it("fills in what is not set", () => {
    expect(withDefaults(variables, { REGION: "eu" })).toEqual({ PORT: "8080", REGION: "eu" });
    expect(withDefaults(variables, { PORT: "1" })).toEqual({ PORT: "1" });
  });
});

describe("isForbiddenVariable", () => {
  it.each([
    "NODE_OPTIONS",
    "node_options",
    "npm_config_node_options",
    "NPM_CONFIG_REGISTRY",
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "DYLD_INSERT_LIBRARIES",
    "PYTHONSTARTUP",
    "PYTHONPATH",
    "BASH_ENV",
    "ENV",
    "PERL5OPT",
    "RUBYOPT",
    "JAVA_TOOL_OPTIONS",
    "GIT_SSH_COMMAND",
    "PATH",
    "HOME",
    "UV_INDEX_URL",
    "PIP_INDEX_URL",
    "DOTNET_STARTUP_HOOKS",
    "NODE_EXTRA_CA_CERTS",
    "OPENSSL_CONF",
    "MOORAGE_INSTANCE_ID",
  ])("knows %s", (name) => expect(isForbiddenVariable(name)).toBe(true));

  it.each([
    "API_KEY",
    "GITHUB_TOKEN",
    "NPM_TOKEN",
    "NODE_ENV",
    "DEBUG",
    "LOG_LEVEL",
    "PORT",
    "PYTHONUNBUFFERED",
    "HTTPS_PROXY",
    "HOMEPAGE",
    "PATH_TO_DATA",
    "ALLOWED_DIRECTORIES",
    "LDAP_URL",
  ])("leaves %s alone", (name) => expect(isForbiddenVariable(name)).toBe(false));
});
