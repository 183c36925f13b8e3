import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { Gate } from "./gate.ts";
import { isSqliteBusy, LOCK_POLICY, type RetryPolicy, withRetries } from "./retry.ts";
import type { SqliteEngine } from "./sqlite-engines.ts";

const IMMEDIATE = Symbol.for("moorage.immediateTransactions");

/** SQLite's adapter, with the mark by which `openDatabase` knows that transactions take the write lock at once. */
class ImmediateSqliteAdapter extends SqliteAdapter {
  readonly [IMMEDIATE] = true;

  // Kysely 0.29 would lock out every other statement while one waits; the driver's gate knows better when to.
  get supportsMultipleConnections(): boolean {
    return true;
  }
}

/** Whether transactions of this adapter's dialect begin with the write lock in hand and wait for it by themselves. */
export function beginsImmediately(adapter: object): boolean {
  return IMMEDIATE in adapter;
}

/**
 * Kysely on one SQLite connection. Waits for the locks of other processes without holding up the event loop, up
 * to the policy's time, then throws `DATABASE_BUSY`; other statements pass while one waits.
 */
export function sqliteDialect(open: () => Promise<SqliteEngine>, policy: RetryPolicy = LOCK_POLICY): Dialect {
  return {
    createAdapter: () => new ImmediateSqliteAdapter(),
    createDriver: () => new SqliteDriver(open, policy),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

class SqliteDriver implements Driver {
  readonly #open: () => Promise<SqliteEngine>;
  readonly #policy: RetryPolicy;
  readonly #gate: Gate;
  #engine: SqliteEngine | undefined;

  constructor(open: () => Promise<SqliteEngine>, policy: RetryPolicy) {
    this.#open = open;
    this.#policy = policy;
    this.#gate = new Gate(policy.totalMs);
  }

  async init(): Promise<void> {
    this.#engine = await withRetries(this.#policy, isSqliteBusy, () => this.#open());
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    if (!this.#engine) throw new TypeError("The SQLite driver is closed.");
    return new SqliteConnection(this.#engine, this.#gate, this.#policy);
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as SqliteConnection).begin();
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as SqliteConnection).commit();
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as SqliteConnection).rollback();
  }

  async savepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(`savepoint ${quoted(name)}`));
  }

  async rollbackToSavepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(`rollback to ${quoted(name)}`));
  }

  async releaseSavepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(`release ${quoted(name)}`));
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.#engine?.close();
    this.#engine = undefined;
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** One user of the connection: holds the gate for a statement, or from the begin of a transaction to its end. */
class SqliteConnection implements DatabaseConnection {
  readonly #engine: SqliteEngine;
  readonly #gate: Gate;
  readonly #policy: RetryPolicy;
  #inTransaction = false;

  constructor(engine: SqliteEngine, gate: Gate, policy: RetryPolicy) {
    this.#engine = engine;
    this.#gate = gate;
    this.#policy = policy;
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const result = await withRetries(this.#policy, isSqliteBusy, () => this.#run(sql, parameters));
    const { changes, lastInsertRowid } = result;
    return {
      rows: result.rows as Row[],
      ...(changes === undefined ? {} : { numAffectedRows: BigInt(changes) }),
      ...(lastInsertRowid === undefined ? {} : { insertId: BigInt(lastInsertRowid) }),
    };
  }

  async *streamQuery<Row>(query: CompiledQuery): AsyncIterableIterator<QueryResult<Row>> {
    // Read at once: an open cursor would hold the connection for as long as its reader likes.
    yield await this.executeQuery<Row>(query);
  }

  async begin(): Promise<void> {
    await withRetries(this.#policy, isSqliteBusy, async () => {
      await this.#gate.enter();
      try {
        this.#engine.execute("begin immediate");
        this.#inTransaction = true;
      } finally {
        if (!this.#inTransaction) this.#gate.leave();
      }
    });
  }

  async commit(): Promise<void> {
    await withRetries(this.#policy, isSqliteBusy, () => this.#engine.execute("commit"));
    this.#end();
  }

  async rollback(): Promise<void> {
    try {
      this.#engine.execute("rollback");
    } catch {
      // SQLite has rolled back by itself already, as it does when the disk is full; the first error tells why.
    } finally {
      this.#end();
    }
  }

  async #run(sql: string, parameters: readonly unknown[]) {
    if (this.#inTransaction) return this.#engine.run(sql, parameters);
    await this.#gate.enter();
    try {
      return this.#engine.run(sql, parameters);
    } finally {
      this.#gate.leave();
    }
  }

  #end(): void {
    this.#inTransaction = false;
    this.#gate.leave();
  }
}
