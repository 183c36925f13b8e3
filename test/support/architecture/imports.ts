import { builtinModules } from "node:module";
import { dirname, posix } from "node:path";
import ts from "typescript";
import { exportedSource, type WorkspacePackage } from "./manifests.ts";
import { findNodes, isTest, packageOf, placeOf, type SourceFile, type Violation } from "./source-files.ts";

/** One import of a file, of whatever kind: static, re-export, dynamic, type-only or `require`. */
export interface Import {
  readonly specifier: string;
  readonly where: string;
}

/** Floors of the house: a package imports only from lower floors. A package that is not listed is on floor 2. */
const FLOORS: Readonly<Record<string, number>> = {
  core: 0,
  "process-provider": 1,
  "docker-provider": 1,
  "url-provider": 1,
  "fly-provider": 1,
  vault: 1,
  scheduler: 1,
  proxy: 1,
  analyzer: 1,
  redis: 1,
};

const SCOPE = "@moorage/";
/** What a package's own unit tests may import besides its declared dependencies. */
const TEST_LIBRARIES = ["vitest", "fast-check"];

export function importsOf(file: SourceFile): Import[] {
  return findNodes(file, ts.isStringLiteral).flatMap((literal) =>
    isSpecifier(literal) ? [{ specifier: literal.text, where: placeOf(file, literal) }] : [],
  );
}

function isSpecifier(literal: ts.StringLiteral): boolean {
  const { parent } = literal;
  if (ts.isImportDeclaration(parent) || ts.isExportDeclaration(parent)) return true;
  if (ts.isLiteralTypeNode(parent)) return ts.isImportTypeNode(parent.parent);
  if (!ts.isCallExpression(parent) || parent.arguments[0] !== literal) return false;
  const callee = parent.expression;
  if (callee.kind === ts.SyntaxKind.ImportKeyword) return true;
  if (ts.isPropertyAccessExpression(callee)) return callee.getText() === "require.resolve";
  return ts.isIdentifier(callee) && callee.text === "require";
}

/** `@moorage/core/node` as package name and subpath: `["@moorage/core", "./node"]`. */
export function splitSpecifier(specifier: string): readonly [name: string, subpath: string] {
  const parts = specifier.split("/");
  const length = specifier.startsWith("@") ? 2 : 1;
  const rest = parts.slice(length).join("/");
  return [parts.slice(0, length).join("/"), rest === "" ? "." : `./${rest}`];
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith(".");
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith("node:") || builtinModules.includes(specifier);
}

/** A package that imports its own floor or a higher one, a neighbour's folder, or a subpath that is not exported. */
export function floorViolations(file: SourceFile, packages: readonly WorkspacePackage[]): Violation[] {
  const self = packageOf(file.path);
  if (self === undefined) return [];
  return importsOf(file).flatMap(({ specifier, where }) => {
    const message = isRelative(specifier)
      ? escapesPackage(file.path, specifier, self)
      : specifier.startsWith(SCOPE)
        ? breaksFloor(specifier, self, packages)
        : undefined;
    return message === undefined ? [] : [{ rule: "floors", where, message }];
  });
}

function escapesPackage(path: string, specifier: string, self: string): string | undefined {
  const target = posix.join(dirname(path), specifier);
  return target.startsWith(`packages/${self}/`) ? undefined : `"${specifier}" leaves packages/${self}`;
}

function breaksFloor(
  specifier: string,
  self: string,
  packages: readonly WorkspacePackage[],
): string | undefined {
  const [name, subpath] = splitSpecifier(specifier);
  const target = name.slice(SCOPE.length);
  const own = FLOORS[self] ?? 2;
  const other = FLOORS[target] ?? 2;
  if (other >= own) return `${SCOPE}${self} (floor ${own}) may not import ${name} (floor ${other})`;
  const found = packages.find((pack) => pack.folder === target);
  if (found === undefined) return `there is no package ${name}`;
  return exportedSource(found, subpath) ? undefined : `"${subpath}" is not in the exports of ${name}`;
}

/** A library that is imported by a package but not declared in its `package.json`. */
export function undeclaredImports(file: SourceFile, pack: WorkspacePackage): Violation[] {
  const { manifest } = pack;
  const declared = new Set(
    [manifest.dependencies, manifest.peerDependencies, isTest(file) ? manifest.devDependencies : undefined]
      .flatMap((group) => Object.keys(group ?? {}))
      .concat(isTest(file) ? TEST_LIBRARIES : []),
  );
  return externalImports(file).flatMap(({ specifier, where }) => {
    const [name] = splitSpecifier(specifier);
    if (declared.has(name) || name === manifest.name) return [];
    const message = `"${name}" is imported but not declared in packages/${pack.folder}/package.json`;
    return [{ rule: "undeclared-import", where, message }];
  });
}

function externalImports(file: SourceFile): Import[] {
  return importsOf(file).filter(({ specifier }) => !isRelative(specifier) && !isBuiltin(specifier));
}

/**
 * A dependency that is declared but that nothing needs: no file of the package imports it, and no package of ours
 * that it depends on has it as a peer.
 */
export function unusedDependencies(
  pack: WorkspacePackage,
  files: readonly SourceFile[],
  packages: readonly WorkspacePackage[],
): Violation[] {
  const { dependencies = {}, peerDependencies = {} } = pack.manifest;
  const declared = Object.keys({ ...dependencies, ...peerDependencies });
  const peers = packages
    .filter(({ manifest }) => declared.includes(manifest.name))
    .flatMap(({ manifest }) => Object.keys(manifest.peerDependencies ?? {}));
  const imported = files
    .filter((file) => !isTest(file))
    .flatMap(importsOf)
    .map(({ specifier }) => splitSpecifier(specifier)[0]);
  const needed = new Set([...imported, ...peers]);
  return declared
    .filter((name) => !needed.has(name))
    .map((name) => ({
      rule: "unused-dependency",
      where: `packages/${pack.folder}/package.json:1`,
      message: `"${name}" is declared but imported nowhere in its sources`,
    }));
}

/** Which files a file imports, as paths of the repository; type imports count like any other. */
export function importGraph(
  files: readonly SourceFile[],
  packages: readonly WorkspacePackage[],
): Map<string, readonly string[]> {
  const known = new Set(files.map(({ path }) => path));
  return new Map(
    files.map((file) => [
      file.path,
      importsOf(file)
        .map(({ specifier }) => resolveImport(file.path, specifier, packages))
        .filter((path) => path !== undefined && known.has(path)) as string[],
    ]),
  );
}

function resolveImport(
  from: string,
  specifier: string,
  packages: readonly WorkspacePackage[],
): string | undefined {
  if (isRelative(specifier)) return posix.join(dirname(from), specifier);
  const [name, subpath] = splitSpecifier(specifier);
  const found = packages.find(({ manifest }) => manifest.name === name);
  return found && exportedSource(found, subpath);
}

/** Every import cycle, once, as the files on it in order. */
export function importCycles(graph: ReadonlyMap<string, readonly string[]>): Violation[] {
  const done = new Set<string>();
  const cycles: Violation[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      const message = [...trail.slice(start), path].join(" -> ");
      cycles.push({ rule: "import-cycle", where: `${path}:1`, message });
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}
