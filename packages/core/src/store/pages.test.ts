import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PageQuery } from "../pages.ts";
import { pageById, pageBySequence } from "./pages.ts";

const rows = Array.from({ length: 7 }, (_, index) => ({ id: `id-${index}`, sequence: index + 1 }));

function byId(query: PageQuery) {
  return pageById(query, async ({ before, limit }) =>
    [...rows]
      .reverse()
      .filter((row) => before === undefined || row.id < before)
      .slice(0, limit),
  );
}

function oldestFirst(query: PageQuery) {
  return pageBySequence({ ...query, order: "oldest" }, async ({ before = 0, limit }) =>
    rows.filter((row) => row.sequence > before).slice(0, limit),
  );
}

async function walk(page: typeof byId, limit: number): Promise<string[]> {
  const seen: string[] = [];
  let cursor: string | null | undefined;
  do {
    const found = await page({ limit, ...(cursor ? { cursor } : {}) });
    seen.push(...found.items.map(({ id }) => id));
    cursor = found.nextCursor;
  } while (cursor !== null);
  return seen;
}

describe("pages", () => {
  it("show every row once, in order, whatever the limit", async () => {
    const ids = rows.map(({ id }) => id);
    for (const limit of [1, 2, 3, 6, 7, 8, 200]) {
      expect(await walk(byId, limit)).toEqual([...ids].reverse());
      expect(await walk(oldestFirst, limit)).toEqual(ids);
    }
  });

  it("have no next cursor when exactly the last rows fill them", async () => {
    expect((await byId({ limit: 7 })).nextCursor).toBeNull();
    expect((await byId({ limit: 6 })).nextCursor).not.toBeNull();
  });

  it("hold 50 rows unless asked otherwise, and fetch one more to see whether there are others", async () => {
    let asked = 0;
    await pageById({}, async ({ limit }) => {
      asked = limit;
      return [];
    });
    expect(asked).toBe(51);
  });

  it("refuse a limit that is not 1 to 200", async () => {
    for (const limit of [0, -1, 1.5, 201, Number.NaN, "10" as unknown as number]) {
      await expect(byId({ limit })).rejects.toMatchObject({
        code: "INVALID_INPUT",
        details: { issues: [{ path: "limit" }] },
      });
    }
  });

  it("refuse a cursor of another kind of list", async () => {
    const { nextCursor } = await byId({ limit: 1 });
    await expect(oldestFirst({ cursor: nextCursor ?? "" })).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  it("refuse any text that is no cursor, before anything is fetched", async () => {
    const encoded = (text: string) => Buffer.from(text).toString("base64url");
    const bad = ["", "!!", encoded("id:"), encoded("nothing"), encoded("id:\u0000"), "a".repeat(601)];
    const fetched = () => Promise.reject(new Error("fetched"));
    const refused = (cursor: string) =>
      expect(pageById({ cursor }, fetched)).rejects.toMatchObject({
        code: "INVALID_INPUT",
        details: { issues: [{ path: "cursor" }] },
      });
    for (const cursor of bad) await refused(cursor);
    await fc.assert(fc.asyncProperty(fc.string(), async (text) => void (await refused(text))));
    for (const sequence of ["-1", "1.5", "1e3", "99999999999999999999", "x"]) {
      const cursor = encoded(`oldest:${sequence}`);
      await expect(oldestFirst({ cursor })).rejects.toMatchObject({ code: "INVALID_INPUT" });
    }
  });
});
