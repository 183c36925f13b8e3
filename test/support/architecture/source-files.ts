import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** The repository's root folder. */
export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** One TypeScript file, parsed. `path` is relative to the repository, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

/** One place where a rule is broken. */
export interface Violation {
  readonly rule: string;
  /** `path:line` */
  readonly where: string;
  readonly message: string;
}

/** Parses a text as if it stood in the repository at `path`; the self-tests of the rules use it as well. */
export function parseSource(path: string, text: string): SourceFile {
  return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true) };
}

/** Every file of a folder of the repository that ends in `ending`, without those in `node_modules` and `dist`. */
export function readSources(folder: string, ending = ".ts"): SourceFile[] {
  return filesBelow(join(ROOT, folder), ending).map((file) =>
    parseSource(relative(ROOT, file).split(sep).join("/"), readFileSync(file, "utf8")),
  );
}

/** Every file below an absolute folder whose name ends in `ending`. */
export function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === "node_modules" || entry.name === "dist") return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path, ending);
    return entry.name.endsWith(ending) ? [path] : [];
  });
}

export function isTest(file: SourceFile): boolean {
  return file.path.endsWith(".test.ts");
}

/** The package a file belongs to, by folder name: `core` for `packages/core/src/errors.ts`. */
export function packageOf(path: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(path)?.[1];
}

/** Lines as an editor counts them, without the empty one after the last line break. */
export function countLines(text: string): number {
  return text === "" ? 0 : text.replace(/\n$/, "").split("\n").length;
}

/** Every node of a file that `pick` accepts, in the order of the text. */
export function findNodes<Node extends ts.Node>(
  file: SourceFile,
  pick: (node: ts.Node) => node is Node,
): Node[] {
  const found: Node[] = [];
  const visit = (node: ts.Node): void => {
    if (pick(node)) found.push(node);
    ts.forEachChild(node, visit);
  };
  visit(file.tree);
  return found;
}

/** `path:line` of a node. */
export function placeOf(file: SourceFile, node: ts.Node): string {
  return `${file.path}:${file.tree.getLineAndCharacterOfPosition(node.getStart(file.tree)).line + 1}`;
}

/** The smallest value that nine of ten of `values` do not exceed. */
export function ninetiethPercentile(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.ceil(sorted.length * 0.9) - 1] ?? 0;
}

/** One line per violation, ready to be read in a failed assertion. */
export function report(violations: readonly Violation[]): string {
  return violations.map(({ rule, where, message }) => `${where} [${rule}] ${message}`).join("\n");
}
