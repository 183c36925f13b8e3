import type { DatabaseHandle } from "@moorage/core";
import { afterEach, beforeEach, describe, it } from "vitest";
import { type StoreClaimCheck, storeBench } from "./store-claim.ts";
import { rowClaims } from "./store-row-claims.ts";
import { schemaClaims } from "./store-schema-claims.ts";
import { writeClaims } from "./store-write-claims.ts";

/** An empty database for one claim. */
export interface StoreFixture {
  readonly handle: DatabaseHandle;
  /** Another connection to the same database; without it, every claim is checked on the one handle. */
  another?(): DatabaseHandle;
  /** Closes every handle and removes the database. */
  cleanup(): Promise<void>;
}

/** Proves that the platform's tables work on a database handle: one test per claim, each on an empty database. */
export function describeStore(name: string, open: () => Promise<StoreFixture>): void {
  describe(`store: ${name}`, () => {
    let fixture: StoreFixture;
    beforeEach(async () => {
      fixture = await open();
    });
    afterEach(() => fixture.cleanup());

    const claims: Readonly<Record<string, StoreClaimCheck>> = {
      ...schemaClaims,
      ...writeClaims,
      ...rowClaims,
    };
    for (const [claim, check] of Object.entries(claims)) {
      it(claim, async () => {
        const { handle, another } = fixture;
        await check(storeBench(handle, another && (() => another.call(fixture))));
      });
    }
  });
}
