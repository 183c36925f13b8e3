import { PlatformError } from "../errors.ts";
import type { Page, PageQuery } from "../pages.ts";

export const DEFAULT_PAGE_LIMIT = 50;
export const MAX_PAGE_LIMIT = 200;
const MAX_CURSOR_LENGTH = 600;

/** What a query of one page needs: rows beyond `before` (or `after`), at most `limit`, which is one to spare. */
export interface PageWindow<Key> {
  /** Key of the last row of the page before; undefined on the first page. */
  readonly before: Key | undefined;
  readonly limit: number;
}

/**
 * One page of rows in descending order of their id. `fetch` runs the query for the window it is given. Throws
 * `INVALID_INPUT` for a limit outside 1 to 200 and for a cursor that is not from this kind of list.
 */
export async function pageById<Item extends { readonly id: string }>(
  query: PageQuery,
  fetch: (window: PageWindow<string>) => Promise<readonly Item[]>,
): Promise<Page<Item>> {
  const before = query.cursor === undefined ? undefined : decodeCursor(query.cursor, "id");
  return fetchPage(
    query,
    (limit) => fetch({ before, limit }),
    (item) => encodeCursor("id", item.id),
  );
}

/**
 * One page of rows in the order of their sequence: descending, or ascending with `order: "oldest"`; otherwise
 * like {@link pageById}.
 */
export async function pageBySequence<Item extends { readonly sequence: number }>(
  query: PageQuery & { readonly order?: "newest" | "oldest" },
  fetch: (window: PageWindow<number>) => Promise<readonly Item[]>,
): Promise<Page<Item>> {
  const kind = query.order ?? "newest";
  const before = query.cursor === undefined ? undefined : toSequence(decodeCursor(query.cursor, kind));
  return fetchPage(
    query,
    (limit) => fetch({ before, limit }),
    (item) => encodeCursor(kind, String(item.sequence)),
  );
}

async function fetchPage<Item>(
  query: PageQuery,
  fetch: (limit: number) => Promise<readonly Item[]>,
  cursorOf: (item: Item) => string,
): Promise<Page<Item>> {
  const limit = pageLimit(query.limit);
  const found = await fetch(limit + 1);
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const hasMore = found.length > limit && last !== undefined;
  return { items, nextCursor: hasMore ? cursorOf(last) : null };
}

function pageLimit(limit: number = DEFAULT_PAGE_LIMIT): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE_LIMIT) return limit;
  throw invalidPage("limit", `limit must be a whole number from 1 to ${MAX_PAGE_LIMIT}.`);
}

function encodeCursor(kind: string, key: string): string {
  return Buffer.from(`${kind}:${key}`).toString("base64url");
}

function decodeCursor(cursor: string, kind: string): string {
  const isText = typeof cursor === "string" && cursor.length <= MAX_CURSOR_LENGTH;
  const text = isText && /^[\w-]+$/.test(cursor) ? Buffer.from(cursor, "base64url").toString() : "";
  const key = text.slice(kind.length + 1);
  if (text.startsWith(`${kind}:`) && key !== "" && !key.includes("\u0000")) return key;
  throw invalidCursor();
}

function toSequence(key: string): number {
  const sequence = Number(key);
  if (/^\d+$/.test(key) && Number.isSafeInteger(sequence)) return sequence;
  throw invalidCursor();
}

function invalidCursor(): PlatformError {
  return invalidPage(
    "cursor",
    "cursor is not the nextCursor of a page of this list. Start again without it.",
  );
}

function invalidPage(path: string, message: string): PlatformError {
  return new PlatformError("INVALID_INPUT", message, { details: { issues: [{ path, message }] } });
}
