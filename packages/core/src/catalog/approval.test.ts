import { describe, expect, it } from "vitest";
import { approvalFor, launchArguments, NOT_GIVEN } from "./approval.ts";
import { serverDefinitionSchema } from "./definition-schema.ts";
import type { ServerPackage, ServerPackageSource } from "./server-definition.ts";

function packagesOf(...packages: ServerPackageSource[]): readonly ServerPackage[] {
  return serverDefinitionSchema.parse({ name: "a", description: "b", packages }).packages;
}

const echo: ServerPackageSource = {
  registryType: "command",
  command: "node",
  args: ["/srv/echo.js"],
  environmentVariables: [{ name: "B" }, { name: "A", default: "1" }],
};
const hash = (...packages: ServerPackageSource[]) => approvalFor(packagesOf(...packages)).hash;

describe("an approval", () => {
  it("is not required where nothing runs on the host", () => {
    const image = { registryType: "oci", identifier: "alpine" } as const;
    expect(approvalFor(packagesOf(image)).status).toBe("not_required");
    expect(approvalFor([]).status).toBe("not_required");
    expect(approvalFor(packagesOf(image, echo)).status).toBe("pending");
  });

  it("is pending until it is given for the very same hash", () => {
    const packages = packagesOf(echo);
    const given = { hash: hash(echo), by: "root", at: "2030-01-01T00:00:00.000Z" };
    expect(approvalFor(packages, NOT_GIVEN)).toMatchObject({
      status: "pending",
      approvedBy: null,
      approvedAt: null,
    });
    expect(approvalFor(packages, given)).toMatchObject({
      status: "approved",
      approvedBy: "root",
      approvedAt: given.at,
    });
    expect(approvalFor(packages, { ...given, hash: "0".repeat(64) })).toMatchObject({
      status: "pending",
      approvedBy: null,
      approvedAt: null,
    });
  });

  it("changes with everything that decides what runs", () => {
    const npm = { registryType: "npm", identifier: "server" } as const;
    const hashes = [
      hash(echo),
      hash({ ...echo, command: "/usr/bin/node" }),
      hash({ ...echo, args: ["/srv/echo.js", ""] }),
      hash({ ...echo, args: ["/srv/other.js"] }),
      hash({ ...echo, transport: { type: "sse" } }),
      hash({ ...echo, environmentVariables: [{ name: "B" }] }),
      hash({ ...echo, environmentVariables: [{ name: "B" }, { name: "A", default: "2" }] }),
      hash(echo, npm),
      hash(npm),
      hash({ ...npm, version: "1.0.0" }),
      hash({ ...npm, registryType: "pypi" }),
      hash({ ...npm, args: ["a b"] }),
      hash({ ...npm, args: ["a", "b"] }),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
    for (const text of hashes) expect(text).toMatch(/^[0-9a-f]{64}$/);
  });

  it("does not change with what is only said about it, nor with images and the order of variables", () => {
    const [b, a] = echo.environmentVariables ?? [];
    if (!a || !b) throw new Error("two variables");
    const image = { registryType: "oci", identifier: "alpine" } as const;
    expect(hash({ ...echo, environmentVariables: [a, { ...b, description: "new", isRequired: true }] })).toBe(
      hash(echo),
    );
    expect(hash(image, echo)).toBe(hash(echo));
  });

  it("shows each command as it is handed to the system, with the variables that are set unasked", () => {
    const packages = packagesOf(
      echo,
      { registryType: "npm", identifier: "@a/b", version: "1.2.3", args: ["--x", "y z", '"; rm -rf /'] },
      { registryType: "pypi", identifier: "c", version: "2.0" },
    );
    expect(approvalFor(packages).commands).toEqual([
      '["node","/srv/echo.js"] with A="1"',
      '["npx","--yes","@a/b@1.2.3","--x","y z","\\"; rm -rf /"]',
      '["uvx","c==2.0"]',
    ]);
    expect(packages.map(launchArguments)[2]).toEqual(["uvx", "c==2.0"]);
  });

  it("shows it whole, and hides nothing behind characters that cannot be seen", () => {
    const long = "x".repeat(8000);
    const args = [long, "safe\u202etxt.exe", "a\u200bb", "tag\u{e0041}", "line\u2028break"];
    const [shown = ""] = approvalFor(packagesOf({ ...echo, args: ["/srv/echo.js", ...args] })).commands;
    expect(shown).toContain(long);
    expect(shown).toContain('"safe\\u202etxt.exe","a\\u200bb","tag\\udb40\\udc41","line\\u2028break"');
  });
});
