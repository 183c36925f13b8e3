import { describe, expect, it } from "vitest";
import type { Plugin, PluginService } from "./contracts/plugin.ts";
import { mergeMigrations, requestHandlers } from "./parts.ts";
import type { PlatformOptions } from "./platform-types.ts";
import type { Migrations } from "./store/database.ts";
import { coreMigrations } from "./store/migrations.ts";

const step = { up: async () => {}, down: async () => {} };

function plugin(name: string, migrations?: Migrations): Plugin {
  return { name, create: () => ({}), ...(migrations ? { migrations } : {}) };
}

const optionsWith = (...plugins: Plugin[]) => ({ plugins }) as unknown as PlatformOptions;

describe("the steps of core and its parts", () => {
  it("come core's first, then those of the parts in their order", () => {
    const merged = mergeMigrations(
      optionsWith(plugin("a", { "a-0001": step }), plugin("b"), plugin("c", { "c-1": step })),
    );
    expect(Object.keys(merged)).toEqual([...Object.keys(coreMigrations), "a-0001", "c-1"]);
  });

  it("must begin with the name of their part, so that no two can meet", () => {
    expect(() => mergeMigrations(optionsWith(plugin("a", { "core-0001-tables": step })))).toThrowError(
      expect.objectContaining({ code: "CONFLICT", message: expect.stringContaining("core-0001-tables") }),
    );
  });

  it("are refused where two parts have one name", () => {
    expect(() => mergeMigrations(optionsWith(plugin("a"), plugin("a")))).toThrowError('"a"');
  });
});

describe("plugins that answer requests", () => {
  it("are called with themselves as this, and those that do not answer are left out", async () => {
    const service = {
      body: "mine",
      async handle() {
        return new Response(this.body);
      },
    };
    const handlers = requestHandlers(
      new Map<string, PluginService>([
        ["a", service],
        ["b", {}],
      ]),
    );
    expect([...handlers.keys()]).toEqual(["a"]);
    const response = await handlers.get("a")?.(new Request("http://127.0.0.1/"));
    expect(await response?.text()).toBe("mine");
  });
});
