import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { ServerDefinitionSource } from "@moorage/core";

const require = createRequire(import.meta.url);

/** The program of an installed npm package, as its `bin` names it. */
function programOf(packageName: string): string {
  const manifestPath = require.resolve(`${packageName}/package.json`);
  const manifest = require(manifestPath) as { readonly bin: Readonly<Record<string, string>> };
  const [program] = Object.values(manifest.bin);
  if (program === undefined) throw new Error(`${packageName} has no program`);
  return join(dirname(manifestPath), program);
}

/** The reference server that has a bit of everything. It needs a variable that holds a secret. */
export function everythingServer(): ServerDefinitionSource {
  return {
    name: "everything",
    title: "Everything",
    description: "The reference server that exercises all of MCP.",
    packages: [
      {
        registryType: "command",
        command: process.execPath,
        args: [programOf("@modelcontextprotocol/server-everything"), "stdio"],
        environmentVariables: [
          { name: "DEMO_KEY", description: "A key of the tour", isRequired: true, isSecret: true },
        ],
      },
    ],
  };
}

/** The reference server that reads and writes files below one folder. */
export function filesystemServer(folder: string): ServerDefinitionSource {
  return {
    name: "filesystem",
    title: "Filesystem",
    description: "Reads and writes files below one folder.",
    packages: [
      {
        registryType: "command",
        command: process.execPath,
        args: [programOf("@modelcontextprotocol/server-filesystem"), folder],
      },
    ],
  };
}
