import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT, type Violation } from "./source-files.ts";

/** What the rules read of a `package.json`. */
export interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly license?: string;
  readonly sideEffects?: boolean;
  readonly engines?: { readonly node?: string };
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly publishConfig?: { readonly access?: string };
  readonly gypfile?: boolean;
}

/** One package of the workspace; `folder` is its name below `packages/`. */
export interface WorkspacePackage {
  readonly folder: string;
  readonly manifest: Manifest;
}

export function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(path, "utf8")) as Manifest;
}

/** The packages that are published: every folder below `packages/` that is not private. */
export function publishedPackages(): WorkspacePackage[] {
  return readdirSync(join(ROOT, "packages"))
    .map((folder) => ({ folder, manifest: readManifest(join(ROOT, "packages", folder, "package.json")) }))
    .filter(({ manifest }) => manifest.private !== true);
}

const SOURCE_CONDITION = "@moorage/source";

/** What a package promises to those who install it. */
export function manifestViolations({ folder, manifest }: WorkspacePackage): Violation[] {
  const wrong = (message: string): Violation => ({
    rule: "manifest",
    where: `packages/${folder}/package.json:1`,
    message,
  });
  const found: Violation[] = [];
  if (manifest.engines?.node !== ">=20.19") found.push(wrong('engines.node must be ">=20.19"'));
  if (manifest.sideEffects !== false) found.push(wrong("sideEffects must be false"));
  if (manifest.license !== "Apache-2.0") found.push(wrong("license must be Apache-2.0"));
  if (manifest.publishConfig?.access !== "public") found.push(wrong("publishConfig.access must be public"));
  const subpaths = Object.entries(manifest.exports ?? {}).filter(([key]) => key !== "./package.json");
  if (subpaths.length === 0) found.push(wrong("exports must list at least one subpath"));
  for (const [subpath, target] of subpaths) {
    const first = typeof target === "object" && target !== null ? Object.keys(target)[0] : undefined;
    if (first !== SOURCE_CONDITION)
      found.push(wrong(`exports["${subpath}"] must name ${SOURCE_CONDITION} first`));
  }
  return found;
}

/** The source file behind `@moorage/core/node` and the like; undefined where `exports` does not list it. */
export function exportedSource(pack: WorkspacePackage, subpath: string): string | undefined {
  const target = pack.manifest.exports?.[subpath];
  if (typeof target !== "object" || target === null) return undefined;
  const source = (target as Record<string, unknown>)[SOURCE_CONDITION];
  return typeof source === "string" ? `packages/${pack.folder}/${source.replace(/^\.\//, "")}` : undefined;
}

const INSTALL_SCRIPTS = ["preinstall", "install", "postinstall"] as const;

/** Why installing the package in this folder would run code; undefined if it would not. */
export function installScriptOf(folder: string): string | undefined {
  const manifest = readManifest(join(folder, "package.json"));
  const script = INSTALL_SCRIPTS.find((name) => manifest.scripts?.[name] !== undefined);
  if (script !== undefined) return `script "${script}"`;
  return existsSync(join(folder, "binding.gyp")) && manifest.gypfile !== false ? "binding.gyp" : undefined;
}

/** Everything that installing `folder` requires: dependencies and peers that are not optional, all the way down. */
export function requiredFolders(folder: string): string[] {
  const seen = new Set<string>();
  const queue = [folder];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const name of requiredNames(readManifest(join(next, "package.json")))) {
      const found = installedFolder(name, next);
      if (found === undefined || seen.has(found)) continue;
      seen.add(found);
      queue.push(found);
    }
  }
  return [...seen];
}

function requiredNames(manifest: Manifest): string[] {
  const peers = Object.keys(manifest.peerDependencies ?? {}).filter(
    (name) => manifest.peerDependenciesMeta?.[name]?.optional !== true,
  );
  return [...Object.keys(manifest.dependencies ?? {}), ...peers];
}

function installedFolder(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

/** A required dependency that runs code when it is installed. */
export function installScriptViolations(folder: string, required: readonly string[]): Violation[] {
  return required.flatMap((dependency) => {
    const script = installScriptOf(dependency);
    if (script === undefined) return [];
    const message = `requires ${readManifest(join(dependency, "package.json")).name}, which has ${script}`;
    return [{ rule: "install-script", where: `${folder}/package.json:1`, message }];
  });
}
