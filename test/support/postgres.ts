import { inject } from "vitest";

declare module "vitest" {
  export interface ProvidedContext {
    /** URL of a Postgres that answered when the tests began; null where none did. */
    readonly postgresUrl: string | null;
  }
}

/** URL of the Postgres for tests, or null: `describe.skipIf(postgresUrl() === null)`. */
export function postgresUrl(): string | null {
  return inject("postgresUrl");
}
