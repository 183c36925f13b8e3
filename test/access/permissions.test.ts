import { type ActorOptions, isPlatformError, rbac } from "@moorage/core";
import { proxy } from "@moorage/proxy";
import { fixtureDefinition, type TestPlatform, testPlatform } from "@moorage/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const PERMISSIONS = ["mcp:read", "mcp:write", "mcp:execute", "mcp:manage", "mcp:manage:any"];

let house: TestPlatform;
let serverId: string;
let instanceId: string;

beforeEach(async () => {
  const roles = Object.fromEntries(PERMISSIONS.map((permission) => [permission, [permission]]));
  house = await testPlatform({ proxy: proxy(), authorize: rbac({ roles }), requireActor: true });
  const owner = { actor: { id: "alice", roles: ["mcp:manage"] } };
  const server = await house.platform.catalog.register(fixtureDefinition("echo"), owner);
  serverId = server.id;
  instanceId = (await house.platform.instances.create({ serverId }, owner)).id;
});

afterEach(() => house.close());

type Attempt = (options: ActorOptions) => Promise<unknown>;

/** One operation of each kind, by a name for it. */
function attempts(): Readonly<Record<string, Attempt>> {
  const { catalog, instances, tools } = house.platform;
  return {
    "reads an instance": (options) => instances.get(instanceId, options),
    "lists instances": (options) => instances.list({}, options),
    "calls a tool": (options) =>
      tools.call(instanceId, { name: "echo", arguments: { message: "hello" } }, options),
    "changes an instance": (options) => instances.update(instanceId, { name: "changed" }, options),
    "creates an instance": (options) => instances.create({ serverId, enabled: false }, options),
    "registers a server": (options) => catalog.register(fixtureDefinition("echo"), options),
  };
}

/** What an actor of this id with this permission is allowed to do. */
async function allowedTo(id: string, permission: string): Promise<readonly string[]> {
  const done: string[] = [];
  for (const [name, attempt] of Object.entries(attempts())) {
    try {
      await attempt({ actor: { id, roles: [permission] } });
      done.push(name);
    } catch (error) {
      if (!isPlatformError(error, "FORBIDDEN") && !isPlatformError(error, "NOT_FOUND")) throw error;
    }
  }
  return done;
}

describe("the four permissions", () => {
  it("allow an owner to read, to call, to write, and to do all of that", async () => {
    const reads = ["reads an instance", "lists instances"];
    const writes = ["changes an instance", "creates an instance", "registers a server"];
    expect(await allowedTo("alice", "mcp:read")).toEqual(reads);
    expect(await allowedTo("alice", "mcp:execute")).toEqual([...reads, "calls a tool"]);
    expect(await allowedTo("alice", "mcp:write")).toEqual([...reads, ...writes]);
    expect(await allowedTo("alice", "mcp:manage")).toEqual([...reads, "calls a tool", ...writes]);
  });

  it("reach another owner's things only where they say any", async () => {
    const lists = ["lists instances"];
    expect(await allowedTo("bob", "mcp:read")).toEqual(lists);
    expect(await allowedTo("bob", "mcp:execute")).toEqual(lists);
    expect(await allowedTo("bob", "mcp:write")).toEqual([...lists, "registers a server"]);
    expect(await allowedTo("bob", "mcp:manage")).toEqual([...lists, "registers a server"]);
    expect(await allowedTo("bob", "mcp:manage:any")).toEqual(Object.keys(attempts()));
  });
});
