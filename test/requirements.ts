/** What shows that requirements are met: a test by file and name, or a page of the docs. */
export interface Evidence {
  readonly ids: readonly string[];
  /** Path of the test file or the page, from the repository's root. */
  readonly path: string;
  /** The test's own name, without those of the groups around it; absent for a page. */
  readonly test?: string;
}

/** Cites the test that shows these requirements to be met. */
export function cite(path: string, test: string, ids: readonly string[]): Evidence {
  return { ids, path, test };
}

/** Cites the page that answers these requirements, where there is nothing to run. */
export function document(path: string, ids: readonly string[]): Evidence {
  return { ids, path };
}

/**
 * Every requirement that is met, by what shows it. Ids are `S<document>-<number>` for what the source documents
 * ask for and `X-<number>` for the decisions between them; each id is cited once, by its strongest evidence.
 */
export const requirements: readonly Evidence[] = [
  document("docs/reference/states.md", ["X-02", "S0-73", "S1-97", "S3-08"]),
  cite("test/architecture.test.ts", "keep SQL in the store and in store files", ["S1-108"]),
];
