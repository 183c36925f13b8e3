import { basename } from "node:path";
import ts from "typescript";
import {
  countLines,
  findNodes,
  isTest,
  ninetiethPercentile,
  placeOf,
  type SourceFile,
  type Violation,
} from "./source-files.ts";

/** The bars of the house: see CONTRIBUTING.md. */
export const MAX_FILE_LINES = 300;
export const MAX_FUNCTION_LINES = 50;
export const MAX_PARAMETERS = 3;

/** A size and where it was measured. */
export interface Measure {
  readonly where: string;
  readonly lines: number;
}

/** Where more than one in ten is over the bar: everything over it, longest first. */
export function overNinetiethPercentile(measures: readonly Measure[], bar: number): Violation[] {
  if (ninetiethPercentile(measures.map(({ lines }) => lines)) <= bar) return [];
  return measures
    .filter(({ lines }) => lines > bar)
    .sort((left, right) => right.lines - left.lines)
    .map(({ where, lines }) => ({
      rule: "ninetieth-percentile",
      where,
      message: `${lines} lines; more than one in ten has over ${bar}`,
    }));
}

/** A file that is longer than one subject needs. */
export function longFiles(file: SourceFile): Violation[] {
  const lines = countLines(file.text);
  if (lines <= MAX_FILE_LINES) return [];
  return [
    { rule: "file-size", where: `${file.path}:1`, message: `${lines} lines, at most ${MAX_FILE_LINES}` },
  ];
}

type FunctionWithBody = ts.FunctionLikeDeclaration & { readonly body: ts.Node };

function isFunctionWithBody(node: ts.Node): node is FunctionWithBody {
  return ts.isFunctionLike(node) && "body" in node && node.body !== undefined;
}

/** Every function of a file and how many lines its body takes, nested functions included. */
export function functionSizes(file: SourceFile): Measure[] {
  return findNodes(file, isFunctionWithBody).map((node) => ({
    where: placeOf(file, node),
    lines: countLines(node.body.getText(file.tree)),
  }));
}

/** Functions over the bar. */
export function longFunctions(file: SourceFile): Violation[] {
  return functionSizes(file)
    .filter(({ lines }) => lines > MAX_FUNCTION_LINES)
    .map(({ where, lines }) => ({
      rule: "function-size",
      where,
      message: `${lines} lines, at most ${MAX_FUNCTION_LINES}`,
    }));
}

/** Functions, methods and function types that take more than three parameters. */
export function longParameterLists(file: SourceFile): Violation[] {
  return findNodes(file, ts.isFunctionLike)
    .filter(({ parameters }) => parameters.length > MAX_PARAMETERS)
    .map((node) => ({
      rule: "parameters",
      where: placeOf(file, node),
      message: `${node.parameters.length} parameters, at most ${MAX_PARAMETERS}; take an options object`,
    }));
}

/** Ways around the type checker: casts to `any`, `!`, and comments that switch it off. */
export function typeEscapes(file: SourceFile): Violation[] {
  const casts = findNodes(file, ts.isAsExpression).filter((node) => mentionsAny(node.type));
  const assertions = findNodes(file, ts.isNonNullExpression);
  const definite = findNodes(file, ts.isPropertyDeclaration).filter((node) => node.exclamationToken);
  return [
    ...casts.map((node) => typeEscape(placeOf(file, node), "a cast to any")),
    ...[...assertions, ...definite].map((node) => typeEscape(placeOf(file, node), "a non-null assertion")),
    ...switchedOffLines(file).map((line) =>
      typeEscape(`${file.path}:${line}`, "a comment that hides type errors"),
    ),
  ];
}

function typeEscape(where: string, message: string): Violation {
  return { rule: "type-escape", where, message };
}

function mentionsAny(node: ts.Node): boolean {
  return (
    node.kind === ts.SyntaxKind.AnyKeyword || ts.forEachChild(node, (child) => mentionsAny(child)) === true
  );
}

function switchedOffLines(file: SourceFile): number[] {
  return file.text
    .split("\n")
    .flatMap((line, index) =>
      /(\/\/|\/\*)\s*@ts-(ignore|expect-error|nocheck)/.test(line) ? [index + 1] : [],
    );
}

/** Every class that extends `Error` or one of its kind. There is one: PlatformError. */
export function errorClasses(file: SourceFile): string[] {
  return findNodes(file, ts.isClassLike)
    .filter((node) =>
      node.heritageClauses?.some((clause) =>
        clause.types.some((type) => type.expression.getText().endsWith("Error")),
      ),
    )
    .map((node) => placeOf(file, node));
}

const QUERY_METHODS =
  /^(selectFrom|insertInto|updateTable|deleteFrom|replaceInto|mergeInto|createTable|dropTable|alterTable|createIndex|dropIndex|executeQuery)$/;

function mayHoldSql(path: string): boolean {
  if (path.startsWith("packages/core/src/store/")) return true;
  return /store|^(migrations|sqlite|postgres)\.ts$/.test(basename(path));
}

/** SQL outside the store: a query builder's method, or a `sql` template. */
export function strayQueries(file: SourceFile): Violation[] {
  if (mayHoldSql(file.path) || isTest(file)) return [];
  const calls = findNodes(file, ts.isPropertyAccessExpression)
    .filter((node) => QUERY_METHODS.test(node.name.text))
    .map((node) => ({ node, what: node.name.text }));
  const templates = findNodes(file, ts.isTaggedTemplateExpression)
    .filter((node) => /^sql\b/.test(node.tag.getText()))
    .map((node) => ({ node, what: "sql`...`" }));
  return [...calls, ...templates].map(({ node, what }) => ({
    rule: "sql-in-store",
    where: placeOf(file, node),
    message: `${what} belongs into core/src/store or a file named *store*.ts`,
  }));
}

const PROCESS_WIDE = new Set(["env", "exit", "on", "once", "addListener", "exitCode", "chdir"]);

/** A child process gets the allow-listed variables of its host, and `PATH` is among them; nobody else reads any. */
const READS_ENVIRONMENT = "packages/process-provider/src/options.ts";

/** Reaching for what belongs to the host: its environment, its process, its console. */
export function hostGlobals(file: SourceFile): Violation[] {
  const members = findNodes(file, ts.isPropertyAccessExpression).filter(({ expression, name }) => {
    const root = expression.getText(file.tree).replace(/^globalThis\./, "");
    return root === "console" || (root === "process" && PROCESS_WIDE.has(name.text));
  });
  const imported = findNodes(file, ts.isImportDeclaration)
    .filter(({ moduleSpecifier }) => /^["'](node:)?process["']$/.test(moduleSpecifier.getText(file.tree)))
    .flatMap(({ importClause }) => {
      const bindings = importClause?.namedBindings;
      return bindings && ts.isNamedImports(bindings) ? [...bindings.elements] : [];
    })
    .filter(({ name }) => PROCESS_WIDE.has(name.text) && file.path !== READS_ENVIRONMENT);
  return [...members, ...imported].map((node) => ({
    rule: "host-globals",
    where: placeOf(file, node),
    message: `${node.getText(file.tree)} belongs to the host; take it as an option`,
  }));
}
