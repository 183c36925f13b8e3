import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
} from "kysely";
import { describe, expect, it } from "vitest";
import type { Connection } from "./database.ts";
import { tablePrefixPlugin } from "./table-prefix.ts";

function compilerFor(prefix: string): Connection {
  const kysely = new Kysely<unknown>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (connection) => new PostgresIntrospector(connection),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
    plugins: [tablePrefixPlugin(prefix)],
  });
  return kysely as unknown as Connection;
}

describe("a table prefix", () => {
  it("renames tables in queries, joins, references and nested queries, once each", () => {
    for (const prefix of ["own_", "mcp_own_", "mcp_"]) {
      const connection = compilerFor(prefix);
      const nested = connection.selectFrom("mcp_events").select("sequence");
      const { sql: text } = connection
        .selectFrom("mcp_servers as s")
        .innerJoin("mcp_instances", "mcp_instances.server_id", "s.id")
        .where("mcp_instances.id", "in", (builder) =>
          builder.selectFrom("mcp_usage").select("mcp_usage.instance_id"),
        )
        .where((builder) => builder.exists(nested))
        .select("mcp_instances.id")
        .compile();
      const names = new Set(text.match(/"[a-z]+_[a-z_]*(servers|instances|events|usage)"/g));
      const expected = ["servers", "instances", "usage", "events"].map((table) => `"${prefix}${table}"`);
      expect([...names].sort()).toEqual(expected.sort());
      expect(text).not.toContain(`"${prefix}instances"."${prefix}`);
    }
  });

  it("renames what raw SQL names by reference, and the names of indexes", () => {
    const connection = compilerFor("own_");
    const raw = sql`select ${sql.ref("mcp_x.a")} from ${sql.table("mcp_x")} as ${sql.id("mcp_y")}`;
    expect(raw.compile(connection).sql).toBe('select "own_x"."a" from "own_x" as "own_y"');
    const index = connection.schema.createIndex("mcp_x_a").on("mcp_x").column("a").compile();
    expect(index.sql).toBe('create index "own_x_a" on "own_x" ("a")');
    expect(connection.schema.dropTable("mcp_x").compile().sql).toBe('drop table "own_x"');
  });

  it("leaves every other name alone", () => {
    const connection = compilerFor("own_") as unknown as Kysely<{ users: { mcp: string } }>;
    expect(connection.selectFrom("users").select("mcp").compile().sql).toBe('select "mcp" from "users"');
  });

  it("is refused unless it is a short plain name", () => {
    for (const prefix of ["", "1x_", "a-b", 'a"b', "Äb", "UP_", "x".repeat(25), null]) {
      expect(() => tablePrefixPlugin(prefix as string)).toThrowError(
        expect.objectContaining({ code: "INVALID_INPUT" }),
      );
    }
  });
});
