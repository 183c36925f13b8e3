import { describe, expect, it } from "vitest";
import { candidates } from "./services.ts";

describe("the Postgres for tests", () => {
  it("is the one that was named, and no other", () => {
    const named = "postgres://tester@database.test/moorage";
    expect(candidates({ MOORAGE_TEST_POSTGRES_URL: named, PGUSER: "me" })).toEqual([named]);
  });

  it("is otherwise looked for on this machine, as each user it may have", () => {
    expect(candidates({ PGUSER: "me" })).toEqual([
      "postgres://me@127.0.0.1:5432/test",
      "postgres://root@127.0.0.1:5432/test",
      "postgres://postgres@127.0.0.1:5432/test",
    ]);
    expect(candidates({ PGUSER: "postgres" })).toHaveLength(2);
    expect(candidates({})).toHaveLength(2);
  });
});
