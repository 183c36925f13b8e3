import { fixtureDefinition } from "@moorage/testing";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  type Answer,
  type Belongings,
  type Call,
  furnish,
  INITIALIZE,
  MCP_HEADERS,
  type OwnersHouse,
  openOwnersHouse,
} from "../support/owners-house.ts";

/** One route, as `/openapi.json` has it. */
interface Operation {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly isPublic: boolean;
}

interface Row {
  readonly ownerId: string | null;
}

interface Stats {
  readonly servers: number;
  readonly toolCalls: { readonly total: number };
}

/** An id and a name that nobody has, as long as those that somebody has. */
const NOBODYS_ID = "01930000-0000-7000-8000-000000000000";
const NOBODYS_NAME = "OTHER_KEY";

let house: OwnersHouse;
let operations: readonly Operation[];
let alice: Belongings;
let bob: Belongings;

beforeAll(async () => {
  house = await openOwnersHouse();
  operations = await readOperations();
  [alice, bob] = await Promise.all([furnish(house, "alice"), furnish(house, "bobby")]);
  // Calls are recorded a moment after they were answered.
  await vi.waitFor(async () => expect((await statsOf("admin")).toolCalls.total).toBe(2), 5_000);
}, 60_000);

afterAll(() => house.close(), 30_000);

const statsOf = (bearer: string) => house.ask<Stats>(bearer, { method: "GET", path: "/stats" });

async function readOperations(): Promise<readonly Operation[]> {
  const { text } = await house.send(null, { method: "GET", path: "/openapi.json" });
  const { paths } = JSON.parse(text) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, { security?: readonly unknown[] }>>>>;
  };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      isPublic: security?.length === 0,
    })),
  );
}

/** Bodies of the routes that look at them first: what is wrong with a request is then the id and nothing else. */
const bodies: Readonly<Record<string, (of: Belongings) => object>> = {
  "POST /servers": () => fixtureDefinition("echo-light", { name: "one-more" }),
  "POST /servers/import": () => ({ mcpServers: { more: { command: "node", args: ["server.js"] } } }),
  "POST /instances": ({ serverId }) => ({ serverId }),
  "PATCH /servers/{id}": () => ({ description: "Taken over." }),
  "POST /servers/{id}/approve": ({ approvalHash }) => ({ hash: approvalHash }),
  "PATCH /instances/{id}": () => ({ name: "taken-over" }),
  "POST /instances/{id}/tools/{name}": () => ({ arguments: { message: "hello" } }),
  "POST /instances/{id}/mcp": () => INITIALIZE,
  "PUT /secrets/{name}": () => ({ value: "not the value of the other owner" }),
  "POST /secrets/{name}/rotate": () => ({ value: "nor the next one" }),
  "POST /secrets/{name}/grants": grantOf,
  "DELETE /secrets/{name}/grants": grantOf,
};

function grantOf({ instanceId, granteeId }: Belongings) {
  return { toInstanceId: granteeId, scope: { kind: "instance", id: instanceId } };
}

/** Routes whose name in the path is that of a thing of the caller's own. */
const isByOwnName = ({ path }: Operation) => path.startsWith("/secrets/");
const hasId = ({ path, isPublic }: Operation) => path.includes("{") && !isPublic;

/** A good request for what is this owner's, or for `id` instead. */
function callFor({ name, method, path }: Operation, of: Belongings, id?: string): Call {
  const own = path.startsWith("/servers/") ? of.serverId : of.instanceId;
  const last = path.startsWith("/secrets/") ? (id ?? of.secretName) : "echo";
  const isMcp = path.endsWith("/mcp");
  const session = isMcp && method !== "POST" ? { "mcp-session-id": of.sessionId } : {};
  const body = bodies[name]?.(of);
  return {
    method,
    path: path.replace("{id}", id ?? own).replace("{name}", last),
    ...(body !== undefined && { body }),
    headers: { ...(isMcp && MCP_HEADERS), ...session },
  };
}

/** A place that a secret may stand in; undefined is left out of the request, and means the owner at large. */
type Scope = { readonly kind: "instance" | "server"; readonly id: string } | undefined;

interface SecretTarget {
  readonly name: string;
  readonly scope: Scope;
  /** Whom a grant is for; an instance of the caller's own if left out. */
  readonly toInstanceId?: string;
}

/** Only an instance's secret can be granted. */
const takesScope = ({ path }: Operation, scope: Scope) =>
  !path.endsWith("/grants") || scope?.kind === "instance";

/** A request for the secret of that name in that place; `by` is who sends it. */
function secretCall(operation: Operation, by: Belongings, { name, scope, toInstanceId }: SecretTarget): Call {
  const path = operation.path.replace("{name}", name);
  const body = bodies[operation.name]?.(by);
  const to = toInstanceId === undefined ? {} : { toInstanceId };
  if (body) return { method: operation.method, path, body: { ...body, ...(scope && { scope }), ...to } };
  const query = scope ? `?scope=${scope.kind}&scopeId=${scope.id}` : "";
  return { method: operation.method, path: path + query };
}

/** Everything of an answer but what differs from one request to the next. */
function comparable({ status, headers, text }: Answer, ids: Readonly<Record<string, string>> = {}) {
  const kept = [...headers].filter(([name]) => !["date", "x-request-id", "content-length"].includes(name));
  const body = Object.entries(ids).reduce((all, [id, other]) => all.replaceAll(id, other), text);
  return { status, headers: Object.fromEntries(kept), body };
}

/** The rows of the thing as its owner sees them, to find out whether anything has changed. */
async function stateOf(of: Belongings): Promise<unknown> {
  const get = (path: string) => house.ask<Record<string, unknown>>(of.owner, { method: "GET", path });
  // The time of the owner's own last call is written a moment after it.
  const { lastActivityAt: _, ...instance } = await get(`/instances/${of.instanceId}`);
  const usage = `/secrets/${of.secretName}/usage`;
  return {
    server: await get(`/servers/${of.serverId}`),
    instance,
    secrets: await get("/secrets"),
    uses: [await get(usage), await get(`${usage}?scope=instance&scopeId=${of.instanceId}`)],
  };
}

describe("another owner's id", () => {
  it("is answered on every route byte by byte like an id that nobody has", async () => {
    const before = await stateOf(alice);
    const withId = operations.filter((operation) => hasId(operation) && !isByOwnName(operation));
    expect(withId.length).toBeGreaterThan(20);
    for (const operation of withId) {
      const foreign = await house.send(bob.owner, callFor(operation, alice));
      const missing = await house.send(bob.owner, callFor(operation, alice, NOBODYS_ID));
      expect([operation.name, missing.status, missing.text]).toEqual([
        operation.name,
        404,
        expect.stringContaining(`with id \\"${NOBODYS_ID}\\"`),
      ]);
      const ids = { [alice.instanceId]: NOBODYS_ID, [alice.serverId]: NOBODYS_ID };
      expect(comparable(foreign, ids), operation.name).toEqual(comparable(missing));
    }
    expect(await stateOf(alice)).toEqual(before);
  });

  it("is so also where a body or a query names it", async () => {
    const calls = (serverId: string, instanceId: string): readonly Call[] => [
      { method: "POST", path: "/instances", body: { serverId } },
      { method: "GET", path: `/instances?serverId=${serverId}` },
      ...["events", "audit"].flatMap((list) =>
        [serverId, instanceId].map((id) => ({ method: "GET", path: `/${list}?subjectId=${id}` })),
      ),
      { method: "GET", path: `/secrets?scope=instance&scopeId=${instanceId}` },
      { method: "GET", path: `/secrets?scope=server&scopeId=${serverId}` },
      ...["tool-calls", "usage"].map((list) => ({
        method: "GET",
        path: `/${list}?instanceId=${instanceId}`,
      })),
    ];
    const missing = calls(NOBODYS_ID, NOBODYS_ID);
    for (const [index, call] of calls(alice.serverId, alice.instanceId).entries()) {
      const ids = { [alice.instanceId]: NOBODYS_ID, [alice.serverId]: NOBODYS_ID };
      const foreign = comparable(await house.send(bob.owner, call), ids);
      const expected = await house.send(bob.owner, missing[index] ?? call);
      expect(foreign, `${call.method} ${call.path}`).toEqual(comparable(expected));
      expect([200, 404]).toContain(expected.status);
      if (expected.status === 200) expect(JSON.parse(expected.text).items).toEqual([]);
    }
  });

  it("lets nobody in with the session of another owner", async () => {
    const path = `/instances/${bob.instanceId}/mcp`;
    const headers = { ...MCP_HEADERS, "mcp-session-id": alice.sessionId };
    const body = { jsonrpc: "2.0", id: 2, method: "tools/list" };
    const foreign = await house.send(bob.owner, { method: "POST", path, headers, body });
    const unknown = { ...headers, "mcp-session-id": NOBODYS_ID };
    const missing = await house.send(bob.owner, { method: "POST", path, headers: unknown, body });
    expect(foreign.status).toBe(404);
    expect(comparable(foreign, { [alice.sessionId]: NOBODYS_ID })).toEqual(comparable(missing));
  });
});

describe("lists", () => {
  const lists = ["/servers", "/instances", "/secrets", "/events", "/tool-calls", "/audit", "/usage"];

  it("are these, and no route of the document is forgotten", () => {
    const known = [...lists, "/stats", "/costs", "/events/stream"];
    const found = operations.filter(({ method, path, isPublic }) => {
      return method === "GET" && !path.includes("{") && !isPublic;
    });
    expect(found.map(({ path }) => path).sort()).toEqual(known.sort());
  });

  it("show an owner its own rows and nobody else's, and the admin those of everybody", async () => {
    for (const path of lists) {
      const rows = async (bearer: string) =>
        (await house.ask<{ items: readonly Row[] }>(bearer, { method: "GET", path: `${path}?limit=200` }))
          .items;
      for (const { owner } of [alice, bob]) {
        expect(new Set((await rows(owner)).map(({ ownerId }) => ownerId)), path).toEqual(new Set([owner]));
      }
      const everybody = (await rows("admin")).map(({ ownerId }) => ownerId);
      expect(everybody, path).toEqual(expect.arrayContaining([alice.owner, bob.owner]));
      expect(await rows("stranger"), path).toEqual([]);
    }
  });

  it("refuse to be asked for another owner's rows, whether there is such an owner or not", async () => {
    for (const path of [...lists, "/costs"]) {
      const foreign = await house.send(bob.owner, { method: "GET", path: `${path}?ownerId=${alice.owner}` });
      const missing = await house.send(bob.owner, { method: "GET", path: `${path}?ownerId=nobod` });
      expect(foreign.status, path).toBe(403);
      expect(comparable(foreign, { [alice.owner]: "nobod" }), path).toEqual(comparable(missing));
      const call = { method: "GET", path: `${path}?ownerId=${alice.owner}` };
      const asked = await house.ask<Row & { items?: readonly Row[] }>("admin", call);
      const owners = (asked.items ?? [asked]).map(({ ownerId }) => ownerId);
      expect(new Set(owners), path).toEqual(new Set([alice.owner]));
    }
  });

  it("count an owner's own things, and everybody's for the admin", async () => {
    expect(await statsOf(alice.owner)).toMatchObject({ servers: 1, toolCalls: { total: 1 } });
    expect(await statsOf("stranger")).toMatchObject({ servers: 0, toolCalls: { total: 0 } });
    expect(await statsOf("admin")).toMatchObject({ servers: 2, toolCalls: { total: 2 } });
    const costs = await house.ask(bob.owner, { method: "GET", path: "/costs" });
    expect(costs).toMatchObject({ ownerId: bob.owner, usageCount: 1 });
  });

  it("of events that are streamed begin with the caller's own", async () => {
    const headers = { authorization: `Bearer ${bob.owner}` };
    const stream = await fetch(`${house.base}/events/stream?after=0`, { headers });
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("instance.running")) text += (await reader?.read())?.value ?? expect.fail(text);
    await reader?.cancel();
    expect(text).toContain(bob.instanceId);
    expect(text).not.toContain(alice.owner);
    expect(text).not.toContain(alice.instanceId);
  });
});

describe("the admin", () => {
  it("reads what is anybody's on every route that reads", async () => {
    const reads = operations.filter((operation) => operation.method === "GET" && hasId(operation));
    for (const operation of reads.filter((one) => !one.path.endsWith("/mcp") && !isByOwnName(one))) {
      const { status, text } = await house.send("admin", callFor(operation, alice));
      expect([operation.name, status, text]).toEqual([operation.name, 200, expect.any(String)]);
    }
  });

  it("means its own secret by a name, like everybody, and not that of the owner who has one", async () => {
    for (const operation of operations.filter((one) => isByOwnName(one) && one.method !== "PUT")) {
      const foreign = await house.send("admin", callFor(operation, alice));
      const missing = await house.send("admin", callFor(operation, alice, NOBODYS_NAME));
      expect([operation.name, missing.status]).toEqual([operation.name, 404]);
      expect(comparable(foreign, { [alice.secretName]: NOBODYS_NAME })).toEqual(comparable(missing));
    }
  });

  it("stops and starts what is anybody's, and it stays its owner's", async () => {
    const path = `/instances/${bob.instanceId}`;
    for (const [verb, state] of [
      ["stop", "stopped"],
      ["start", "running"],
    ]) {
      const after = await house.ask("admin", { method: "POST", path: `${path}/${verb}` });
      expect(after).toMatchObject({ state, ownerId: bob.owner });
    }
  });
});

describe("without credentials", () => {
  it("every route answers 401 but those that are for everybody", async () => {
    const open = operations.filter(({ isPublic }) => isPublic).map(({ path }) => path);
    expect(new Set(open)).toEqual(new Set(["/health", "/openapi.json", "/plugins/{name}/{path}"]));
    for (const operation of operations.filter(({ isPublic }) => !isPublic)) {
      for (const bearer of [null, `moorage_${"0".repeat(32)}_${"A".repeat(43)}`]) {
        const { status, text } = await house.send(bearer, callFor(operation, alice));
        expect([operation.name, status]).toEqual([operation.name, 401]);
        expect(JSON.parse(text).error).toMatchObject({ code: "UNAUTHENTICATED", retryable: false });
      }
    }
    expect((await house.send(null, { method: "GET", path: "/health" })).status).toBe(200);
  });
});

describe("an instance's access token", () => {
  /** What it is for, and what one has to know to do that. */
  const allowed = new Set([
    "GET /instances/{id}",
    "GET /instances/{id}/logs",
    "GET /instances/{id}/stats",
    "GET /instances/{id}/connection",
    "GET /instances/{id}/tools",
    "GET /instances/{id}/resources",
    "GET /instances/{id}/prompts",
    "POST /instances/{id}/tools/{name}",
    "POST /instances/{id}/activity",
    "POST /instances/{id}/mcp",
    "GET /instances/{id}/mcp",
    "DELETE /instances/{id}/mcp",
  ]);

  it("calls and looks at its instance, and is refused on every other route", async () => {
    const before = await stateOf(bob);
    for (const operation of operations.filter(({ isPublic }) => !isPublic)) {
      if (allowed.has(operation.name)) continue;
      const { status, text } = await house.send(alice.token, callFor(operation, alice));
      expect([403, 404], `${operation.name} ${text}`).toContain(status);
    }
    for (const operation of operations.filter(({ name, method }) => allowed.has(name) && method === "POST")) {
      const { status, text } = await house.send(alice.token, callFor(operation, alice));
      expect([operation.name, status, text]).toEqual([operation.name, 200, expect.any(String)]);
    }
    expect(await stateOf(bob)).toEqual(before);
  });

  it("knows no other instance, not even another owner's token or one of its own owner's", async () => {
    const ids = { [bob.instanceId]: NOBODYS_ID, [bob.serverId]: NOBODYS_ID };
    for (const operation of operations.filter((one) => hasId(one) && !isByOwnName(one))) {
      const foreign = await house.send(alice.token, callFor(operation, bob));
      const missing = await house.send(alice.token, callFor(operation, bob, NOBODYS_ID));
      expect(missing.status, operation.name).toBe(404);
      expect(comparable(foreign, ids), operation.name).toEqual(comparable(missing));
    }
  });

  it("knows no secret, not even those of its own instance", async () => {
    const before = await stateOf(alice);
    const scopes: readonly Scope[] = [undefined, { kind: "instance", id: alice.instanceId }];
    for (const operation of operations.filter(isByOwnName)) {
      for (const scope of scopes.filter((one) => takesScope(operation, one))) {
        const call = (name: string) => secretCall(operation, alice, { name, scope });
        const present = await house.send(alice.token, call(alice.secretName));
        const missing = await house.send(alice.token, call(NOBODYS_NAME));
        expect([operation.name, missing.status]).toEqual([operation.name, 404]);
        expect(missing.text).toContain(`No secret with id \\"${NOBODYS_NAME}\\".`);
        expect(comparable(present, { [alice.secretName]: NOBODYS_NAME })).toEqual(comparable(missing));
      }
    }
    expect(await stateOf(alice)).toEqual(before);
  });

  it("ends when its owner revokes it", async () => {
    const path = `/instances/${alice.instanceId}`;
    const use = () => house.send(alice.token, { method: "GET", path: `${path}/tools` });
    expect((await use()).status).toBe(200);
    const revoke = { method: "DELETE", path: `${path}/tokens?tokenId=${alice.tokenId}` };
    expect((await house.send(bob.owner, revoke)).status).toBe(404);
    expect((await use()).status).toBe(200);
    expect(await house.ask(alice.owner, revoke)).toEqual({ revoked: 1 });
    expect((await use()).status).toBe(401);
  });
});

describe("another owner's secret", () => {
  const byName = () => operations.filter(isByOwnName);
  const ids = () => ({
    [alice.instanceId]: NOBODYS_ID,
    [alice.granteeId]: NOBODYS_ID,
    [alice.serverId]: NOBODYS_ID,
    [alice.secretName]: NOBODYS_NAME,
  });

  /** Sends both as bobby, compares what comes back, and gives the message of the error. */
  async function expectSame(label: string, foreign: Call, missing: Call): Promise<string> {
    const answer = await house.send(bob.owner, missing);
    expect([label, answer.status, answer.text]).toEqual([label, 404, expect.any(String)]);
    expect(comparable(await house.send(bob.owner, foreign), ids()), label).toEqual(comparable(answer));
    const { error } = JSON.parse(answer.text) as {
      readonly error: { readonly code: string; readonly message: string };
    };
    expect(error.code, label).toBe("NOT_FOUND");
    return error.message;
  }

  it("is no name of the caller's, on any route and in any place of the caller's own", async () => {
    const before = await stateOf(alice);
    const scopes: readonly Scope[] = [
      undefined,
      { kind: "instance", id: bob.instanceId },
      { kind: "server", id: bob.serverId },
    ];
    for (const operation of byName().filter(({ method }) => method !== "PUT")) {
      for (const scope of scopes.filter((one) => takesScope(operation, one))) {
        const call = (name: string) => secretCall(operation, bob, { name, scope });
        const label = `${operation.name} ${scope?.kind}`;
        const message = await expectSame(label, call(alice.secretName), call(NOBODYS_NAME));
        const isRevocation = operation.name === "DELETE /secrets/{name}/grants";
        expect(message, label).toBe(
          isRevocation
            ? `The secret "${NOBODYS_NAME}" of instance "${bob.instanceId}" is not granted to instance "${bob.granteeId}".`
            : `No secret with id "${NOBODYS_NAME}".`,
        );
      }
    }
    expect(await stateOf(alice)).toEqual(before);
  });

  it("stands in a place that nobody has, on every route and by any name", async () => {
    const before = [await stateOf(alice), await stateOf(bob)];
    const places = [
      { kind: "instance", own: alice.instanceId, message: `No instance with id "${NOBODYS_ID}".` },
      { kind: "server", own: alice.serverId, message: `No server definition with id "${NOBODYS_ID}".` },
    ] as const;
    /** The name that is asked for, and the one that is asked for where nobody has anything. */
    const names = [
      [alice.secretName, NOBODYS_NAME],
      [bob.secretName, bob.secretName],
    ] as const;
    for (const { kind, own, message } of places) {
      const operationsOfPlace = byName().filter((one) => takesScope(one, { kind, id: own }));
      expect(operationsOfPlace.length).toBeGreaterThanOrEqual(4);
      for (const operation of operationsOfPlace) {
        for (const [name, shown] of names) {
          const label = `${operation.name} ${kind} ${name}`;
          const foreign = secretCall(operation, bob, { name, scope: { kind, id: own } });
          const missing = secretCall(operation, bob, { name: shown, scope: { kind, id: NOBODYS_ID } });
          // What is left of a server definition that is gone can be removed, so that only the name is looked at.
          const isRemoval = kind === "server" && operation.method === "DELETE";
          expect(await expectSame(label, foreign, missing), label).toBe(
            isRemoval ? `No secret with id "${shown}".` : message,
          );
        }
      }
    }
    expect([await stateOf(alice), await stateOf(bob)]).toEqual(before);
  });

  it("cannot be reached, nor anything be given, through a grant to another owner's instance", async () => {
    const before = [await stateOf(alice), await stateOf(bob)];
    const grants = byName().filter(({ path }) => path.endsWith("/grants"));
    expect(grants.map(({ method }) => method).sort()).toEqual(["DELETE", "POST"]);
    const scope = { kind: "instance", id: bob.instanceId } as const;
    const call = (operation: Operation, toInstanceId: string) =>
      secretCall(operation, bob, { name: bob.secretName, scope, toInstanceId });
    for (const operation of grants) {
      for (const id of [alice.instanceId, alice.granteeId]) {
        const message = await expectSame(operation.name, call(operation, id), call(operation, NOBODYS_ID));
        expect(message).toContain(
          operation.method === "POST" ? `No instance with id "${NOBODYS_ID}".` : "is not granted to instance",
        );
      }
    }
    expect([await stateOf(alice), await stateOf(bob)]).toEqual(before);
  });

  it("is nothing that an instance of the caller's own can refer to", async () => {
    const before = await stateOf(alice);
    const create = (reference: string): Call => {
      const environment = { TOKEN: reference };
      return { method: "POST", path: "/instances", body: { serverId: bob.serverId, environment } };
    };
    const references = [
      [`secret:${alice.secretName}`, `secret:${NOBODYS_NAME}`],
      [`secret_ref:${alice.instanceId}:${alice.secretName}`, `secret_ref:${NOBODYS_ID}:${NOBODYS_NAME}`],
      [`secret_ref:${bob.instanceId}:${alice.secretName}`, `secret_ref:${bob.instanceId}:${NOBODYS_NAME}`],
    ] as const;
    for (const [foreign, missing] of references) {
      expect(await expectSame(foreign, create(foreign), create(missing))).toContain(missing);
    }
    const { items } = await house.ask<{ items: readonly { id: string; state: string }[] }>(bob.owner, {
      method: "GET",
      path: "/instances",
    });
    const failed = items.filter(({ state }) => state === "failed");
    expect(failed).toHaveLength(2 * references.length);
    for (const { id } of failed) await house.send(bob.owner, { method: "DELETE", path: `/instances/${id}` });
    expect(await stateOf(alice)).toEqual(before);
  });

  it("is one beside the caller's own of the same name, which it does not touch", async () => {
    const before = await stateOf(alice);
    const path = `/secrets/${alice.secretName}`;
    const value = "a value of bobby";
    const stored = await house.ask(bob.owner, { method: "PUT", path, body: { value } });
    expect(stored).toMatchObject({ ownerId: bob.owner, version: 1 });
    const rotated = await house.ask(bob.owner, { method: "POST", path: `${path}/rotate`, body: { value } });
    expect(rotated).toMatchObject({ ownerId: bob.owner, version: 2 });
    const used = await house.ask(bob.owner, { method: "GET", path: `${path}/usage` });
    expect(used).toMatchObject({ secret: { ownerId: bob.owner }, grantedTo: [], instances: [] });
    expect((await house.send(bob.owner, { method: "DELETE", path })).status).toBe(204);
    expect(await stateOf(alice)).toEqual(before);
  });
});
