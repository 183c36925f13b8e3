import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface PackageQuery {
  readonly identifier: string;
  readonly version?: string | undefined;
  /** Folders that hold a `node_modules`. */
  readonly packageRoots: readonly string[];
}

/** The script an installed npm package runs as, if one of the folders holds the package in the wanted version. */
export async function findInstalledScript(query: PackageQuery): Promise<string | undefined> {
  for (const root of query.packageRoots) {
    const folder = join(root, "node_modules", query.identifier);
    const manifest = await readManifest(folder);
    if (!manifest || (query.version !== undefined && manifest.version !== query.version)) continue;
    const script = scriptOf(manifest, query.identifier);
    // Anything but a script of Node's is left to npx, which goes by the file's first line.
    if (script && /\.[cm]?js$/.test(script)) return join(folder, script);
  }
  return undefined;
}

interface Manifest {
  readonly version?: unknown;
  readonly bin?: unknown;
}

async function readManifest(folder: string): Promise<Manifest | undefined> {
  try {
    const manifest: unknown = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    return typeof manifest === "object" && manifest !== null ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/** The choice npx makes: the only program of the package, or the one with the package's own name. */
function scriptOf({ bin }: Manifest, identifier: string): string | undefined {
  if (typeof bin === "string") return bin;
  if (typeof bin !== "object" || bin === null) return undefined;
  const programs: Record<string, unknown> = { ...bin };
  const names = Object.keys(programs);
  const name = names.length === 1 ? names[0] : identifier.slice(identifier.lastIndexOf("/") + 1);
  const script = name === undefined ? undefined : programs[name];
  return typeof script === "string" ? script : undefined;
}
