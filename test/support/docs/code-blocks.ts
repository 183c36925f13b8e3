import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";
import { filesBelow, ROOT } from "../architecture/source-files.ts";

/** One TypeScript block of a page. */
export interface CodeBlock {
  /** `path:line` of its first line. */
  readonly where: string;
  readonly code: string;
  /** Its first line says `// run`: it is executed, too. */
  readonly runs: boolean;
}

const FENCE = /^```ts\n([\s\S]*?)^```$/gm;

/** README, CONTRIBUTING and everything below `docs/`, as paths from the repository's root. */
export function pages(): string[] {
  return ["README.md", "CONTRIBUTING.md"].concat(
    filesBelow(join(ROOT, "docs"), ".md").map((file) => relative(ROOT, file)),
  );
}

export function readPage(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** The TypeScript blocks of a page's text. */
export function codeBlocks(path: string, text: string): CodeBlock[] {
  return [...text.matchAll(FENCE)].map((match) => {
    const code = match[1] ?? "";
    const line = text.slice(0, match.index).split("\n").length + 1;
    return { where: `${path}:${line}`, code, runs: code.startsWith("// run\n") };
  });
}

/** What the compiler says about these blocks, each as a module of its own in the repository's root. */
export function typeErrors(blocks: readonly CodeBlock[]): string[] {
  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const virtual = new Map(blocks.map((block, index) => [join(ROOT, `docs-block-${index}.ts`), block]));
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (path) => virtual.has(path) || fileExists(path);
  host.readFile = (path) => virtual.get(path)?.code ?? readFile(path);
  const program = ts.createProgram([...virtual.keys()], options, host);
  return [...virtual].flatMap(([path, block]) => {
    const file = program.getSourceFile(path);
    if (!file) return [`${block.where} could not be read`];
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    return found.map(
      ({ messageText }) => `${block.where} ${ts.flattenDiagnosticMessageText(messageText, "\n")}`,
    );
  });
}
