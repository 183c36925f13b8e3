import {
  coreMigrations,
  type Database,
  type DatabaseHandle,
  migrateDatabase,
  openDatabase,
} from "@moorage/core";

/** What a check has to work with: an empty database and ways to further connections. */
export interface StoreBench {
  /** On the handle under test, without tables. */
  readonly empty: Database;
  /** `count` databases on one store, on connections of their own where the handle allows it. */
  connections(count: number): readonly Database[];
  /** The store on another table prefix. */
  prefixed(tablePrefix: string): Database;
}

/** One sentence of the contract, checked. */
export type StoreClaimCheck = (bench: StoreBench) => Promise<void>;

/** The bench on one handle; `another` makes more connections to the same database. */
export function storeBench(handle: DatabaseHandle, another: () => DatabaseHandle = () => handle): StoreBench {
  return {
    empty: openDatabase(handle),
    connections: (count) => Array.from({ length: count }, () => openDatabase(another())),
    prefixed: (tablePrefix) => openDatabase(handle, { tablePrefix }),
  };
}

/** The bench's database with core's tables. */
export async function migrated(bench: StoreBench): Promise<Database> {
  await migrateDatabase(bench.empty, coreMigrations);
  return bench.empty;
}
