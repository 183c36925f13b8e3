import { testDatabase } from "@moorage/testing";
import { describeStore, type StoreFixture } from "@moorage/testing/suites";
import { describe } from "vitest";
import { postgresUrl } from "../support/postgres.ts";

async function fixture(where: string): Promise<StoreFixture> {
  const { handle, open, close } = await testDatabase(where);
  return { handle, another: open, cleanup: close };
}

describeStore("sqlite file", () => fixture("sqlite"));

describeStore("sqlite in one connection", async () => {
  const { handle, cleanup } = await fixture("sqlite");
  return { handle, cleanup };
});

const url = postgresUrl();
describe.skipIf(url === null)("with a server", () => {
  describeStore("postgres", () => fixture(url ?? ""));
});
