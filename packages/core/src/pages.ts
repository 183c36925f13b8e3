/** What every list takes: how many rows, and where the page before ended. */
export interface PageQuery {
  /** 1 to 200; 50 if left out. */
  readonly limit?: number;
  /** The `nextCursor` of the page before. */
  readonly cursor?: string;
}

/** What every list answers: newest first unless its own docs say otherwise. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** Absent on the last page. */
  readonly nextCursor: string | null;
}
