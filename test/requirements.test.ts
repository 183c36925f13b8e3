import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { cite, document, type Evidence, requirements } from "./requirements.ts";
import { findNodes, parseSource, ROOT, type SourceFile } from "./support/architecture/source-files.ts";

const ID = /^(S[0-4]-\d{2,3}|X-\d{2})$/;
/** A function whose name makes the string it is given first the name of a test. */
const NAMES_A_TEST = /^(it|test|holds)\b/;

/** Everything that is wrong with the list, in words. */
function problems(list: readonly Evidence[]): string[] {
  const ids = list.flatMap((evidence) => evidence.ids);
  return [
    ...ids.filter((id) => !ID.test(id)).map((id) => `"${id}" is not the id of a requirement`),
    ...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `${id} is cited more than once`),
    ...list.filter((evidence) => evidence.ids.length === 0).map(({ path }) => `${path} is cited for nothing`),
    ...list.flatMap(evidenceProblem),
  ];
}

function evidenceProblem({ path, test, ids }: Evidence): string[] {
  const place = `${ids.join(", ")} cites ${path}`;
  if (!existsSync(join(ROOT, path))) return [`${place}, which does not exist`];
  if (test === undefined) return path.endsWith(".md") ? [] : [`${place}, which is not a page`];
  const names = testNames(parseSource(path, readFileSync(join(ROOT, path), "utf8")));
  return names.includes(test) ? [] : [`${place}, which has no test named "${test}"`];
}

function testNames(file: SourceFile): string[] {
  return findNodes(file, ts.isCallExpression).flatMap((call) => {
    const name = call.arguments[0];
    const named = NAMES_A_TEST.test(call.expression.getText()) && name && ts.isStringLiteralLike(name);
    return named ? [name.text] : [];
  });
}

describe("the list of requirements", () => {
  it("cites tests and pages that exist", () => {
    expect(problems(requirements).join("\n")).toBe("");
  });

  it("notices what is wrong with an entry", () => {
    const self = "test/requirements.test.ts";
    const bad = [
      cite(self, "cites tests and pages that exist", ["S0-01", "S5-01", "S0-1"]),
      cite(self, "a test nobody wrote", ["X-02"]),
      cite("test/no-such.test.ts", "anything", ["S1-01", "S0-01"]),
      document(self, ["S2-01"]),
      document("README.md", []),
    ];
    expect(problems(bad)).toEqual([
      '"S5-01" is not the id of a requirement',
      '"S0-1" is not the id of a requirement',
      "S0-01 is cited more than once",
      "README.md is cited for nothing",
      'X-02 cites test/requirements.test.ts, which has no test named "a test nobody wrote"',
      "S1-01, S0-01 cites test/no-such.test.ts, which does not exist",
      "S2-01 cites test/requirements.test.ts, which is not a page",
    ]);
  });
});
