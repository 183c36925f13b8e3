import { describe, expect, it } from "vitest";
import type { Route } from "./route.ts";
import { routeTable } from "./routes/table.ts";
import { problemOf, testHandler } from "./test-handler.ts";

/** Every route, with parameters that exist: what is wrong with a request is then the one thing that the test puts there. */
const pathOf = (route: Route) =>
  route.path
    .replace("{id}", route.path.startsWith("/servers") ? "server-1" : "instance-1")
    .replace("{name}", "TOKEN");

const nameOf = (route: Route) => `${route.method.toUpperCase()} ${route.path}`;
const all = routeTable.map((route) => [nameOf(route), route] as const);
const closed = all.filter(([, route]) => !route.isPublic);
const withBody = all.filter(([, route]) => route.method !== "get");

/** The services behind these parse the body: what they take, and refuse, is shown by their own tests. */
const handedOn = ["POST /servers", "PATCH /servers/{id}", "POST /servers/import"];

/** Sends it, and checks that no operation was called. */
async function refused(route: Route, init: RequestInit = {}, path = pathOf(route)) {
  const { send, services } = testHandler();
  const response = await send(path, { method: route.method.toUpperCase(), ...init });
  expect(services.calls).toEqual([]);
  return problemOf(response);
}

const json = { "content-type": "application/json" };

describe("every route with an actor", () => {
  it.each(closed)("%s answers 401 without one", async (_, route) => {
    const init = { headers: { authorization: "Bearer nobody" } };
    expect(await refused(route, init)).toMatchObject({ status: 401, code: "UNAUTHENTICATED" });
  });

  it.each(closed)("%s refuses a query parameter it does not know", async (_, route) => {
    expect(await refused(route, {}, `${pathOf(route)}?surprise=1`)).toMatchObject({
      status: 400,
      code: "INVALID_INPUT",
      details: { issues: [{ path: "surprise" }] },
    });
  });

  it.each(closed.filter(([, { path }]) => path.includes("{")))(
    "%s refuses a percent-encoding that is broken, or hides a NUL",
    async (_, route) => {
      for (const broken of ["%E0%A4%A", "%", "%00", "a%0ab"]) {
        const path = pathOf(route).replace(/server-1|instance-1|TOKEN/, broken);
        expect(await refused(route, {}, path)).toMatchObject({ status: 400, code: "INVALID_INPUT" });
      }
    },
  );
});

describe("every route", () => {
  it.each(all)("%s answers a method its path does not have with 405", async (_, route) => {
    expect(await refused(route, { method: "OPTIONS" })).toMatchObject({
      status: 405,
      code: "METHOD_NOT_ALLOWED",
    });
  });
});

describe("every route with a body", () => {
  it.each(withBody)("%s refuses what is not JSON, without repeating it", async (_, route) => {
    for (const body of ['{"value": hunter2}', "{", "hunter2"]) {
      const problem = await refused(route, { body, headers: json });
      expect(problem).toMatchObject({ status: 400, code: "INVALID_INPUT" });
      expect(JSON.stringify(problem)).not.toContain("hunter2");
    }
  });

  it.each(withBody)("%s refuses a body that is no object", async (_, route) => {
    for (const body of ["[]", '"text"', "1", "null"]) {
      expect(await refused(route, { body, headers: json })).toMatchObject({
        status: 400,
        code: "INVALID_INPUT",
      });
    }
  });

  it.each(withBody)("%s refuses another content type", async (_, route) => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""]) {
      const problem = await refused(route, { body: "{}", headers: { "content-type": type } });
      expect(problem).toMatchObject({ status: 415, code: "UNSUPPORTED_MEDIA_TYPE" });
    }
  });

  it.each(withBody)("%s refuses a body that is declared too large", async (_, route) => {
    const headers = { ...json, "content-length": "2001" };
    expect(await refused(route, { body: "{}", headers })).toMatchObject({
      status: 413,
      code: "PAYLOAD_TOO_LARGE",
    });
  });

  it.each(withBody)("%s stops reading an undeclared body that grows too large", async (_, route) => {
    let pieces = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pieces += 1;
        controller.enqueue(new Uint8Array(500).fill(32));
      },
    });
    const init: RequestInit & { duplex: "half" } = { body: endless, headers: json, duplex: "half" };
    expect(await refused(route, init)).toMatchObject({ status: 413, code: "PAYLOAD_TOO_LARGE" });
    expect(pieces).toBeLessThan(20);
  });

  it.each(withBody.filter(([name]) => !handedOn.includes(name)))(
    "%s refuses a member it does not know",
    async (_, route) => {
      const body = JSON.stringify({ surprise: 1 });
      const problem = await refused(route, { body, headers: json });
      expect(problem).toMatchObject({ status: 400, code: "INVALID_INPUT" });
      expect(problem.details?.issues?.map(({ path }) => path)).toContain("surprise");
    },
  );

  it.each(withBody)("%s refuses nesting that would exhaust the stack", async (_, route) => {
    const body = `{"arguments":{"a":${"[".repeat(900)}${"]".repeat(900)}}}`;
    expect(await refused(route, { body, headers: json })).toMatchObject({ status: 400 });
  });
});

describe("values of the wrong type", () => {
  const get = (path: string) => [`GET ${path}`, path, {}] as const;
  const put = (method: string, path: string, body: unknown) =>
    [
      `${method} ${path} ${JSON.stringify(body)}`,
      path,
      { method, body: JSON.stringify(body), headers: json },
    ] as const;
  it.each([
    ...["0", "201", "-1", "1.5", "1e1", "+1", " 1", "", "ten"].map((limit) => get(`/servers?limit=${limit}`)),
    get("/servers?limit=1&limit=2"),
    get("/servers?cursor="),
    get("/servers?search=%00"),
    get("/instances?state=dead"),
    get("/instances?includeDeleted=1"),
    get("/instances?includeDeleted=TRUE"),
    get("/tool-calls?status=pending"),
    get("/events?type=server.exploded"),
    get("/events?after=-1"),
    get("/events/stream?after=x"),
    get("/events/stream?limit=1"),
    get("/costs?days=0"),
    get("/costs?days=367"),
    get("/instances/instance-1/logs?limit=1001"),
    put("DELETE", "/instances/instance-1/tokens?tokenId=", {}),
    put("DELETE", "/secrets/TOKEN?scopeId=instance-1", {}),
    put("DELETE", "/secrets/TOKEN?scope=planet", {}),
    put("DELETE", "/secrets/1TOKEN", {}),
    put("PUT", "/secrets/a-b", { value: "v" }),
    put("PUT", "/secrets/TOKEN", {}),
    put("PUT", "/secrets/TOKEN", { value: "" }),
    put("PUT", "/secrets/TOKEN", { value: 1 }),
    put("PUT", "/secrets/TOKEN", { value: "v", scope: "owner" }),
    put("PUT", "/secrets/TOKEN", { value: "v", scope: { kind: "owner", extra: 1 } }),
    put("PUT", "/secrets/TOKEN", { value: "v", ownerId: "bob" }),
    ...[0, -1, 1.5, "90", true].map((rotateAfterDays) =>
      put("PUT", "/secrets/TOKEN", { value: "v", rotateAfterDays }),
    ),
    put("PUT", "/secrets/TOKEN", { value: "v", graceSeconds: 1 }),
    get("/secrets?scope=planet"),
    get("/secrets?scopeId=instance-1"),
    put("POST", "/secrets/a-b/rotate", { value: "v" }),
    put("POST", "/secrets/TOKEN/rotate", {}),
    put("POST", "/secrets/TOKEN/rotate", { value: "" }),
    ...[-1, 0.5, "1", null].map((graceSeconds) =>
      put("POST", "/secrets/TOKEN/rotate", { value: "v", graceSeconds }),
    ),
    get("/secrets/1TOKEN/usage"),
    get("/secrets/TOKEN/usage?scope=planet"),
    get("/secrets/TOKEN/usage?scopeId=instance-1"),
    put("POST", "/secrets/TOKEN/grants", {}),
    put("POST", "/secrets/TOKEN/grants", { toInstanceId: "instance-2" }),
    put("POST", "/secrets/TOKEN/grants", { toInstanceId: 2, scope: { kind: "instance", id: "instance-1" } }),
    put("POST", "/secrets/TOKEN/grants", { toInstanceId: "instance-2", scope: { kind: "owner" } }),
    put("POST", "/secrets/TOKEN/grants", { toInstanceId: "instance-2", scope: { kind: "instance" } }),
    put("DELETE", "/secrets/TOKEN/grants", {}),
    put("DELETE", "/secrets/TOKEN/grants", { toInstanceId: "instance-2", scope: { kind: "owner" } }),
    put("POST", "/servers/server-1/approve", {}),
    put("POST", "/servers/server-1/approve", { hash: 1 }),
    put("POST", "/instances", {}),
    put("POST", "/instances", { serverId: 1 }),
    put("POST", "/instances", { serverId: "server-1", ownerId: "bob" }),
    put("PATCH", "/instances/instance-1", { serverId: "server-2" }),
    put("PATCH", "/instances/instance-1", { secretDelivery: "pigeon" }),
    put("PATCH", "/instances/instance-1", { restartOnRotation: "yes" }),
    put("POST", "/instances/instance-1/tools/echo", { arguments: [] }),
    put("POST", "/instances/instance-1/tools/echo", { timeoutMs: 0 }),
    put("POST", "/instances/instance-1/tools/echo", { timeoutMs: "1" }),
    put("POST", "/instances/instance-1/tokens", { ttlSeconds: -1 }),
  ])("%s is refused, and no operation is called", async (_, path, init) => {
    const { send, services } = testHandler();
    expect(await problemOf(await send(path, init))).toMatchObject({ status: 400, code: "INVALID_INPUT" });
    expect(services.calls).toEqual([]);
  });

  it("refuses a Last-Event-ID that is no sequence", async () => {
    const { send } = testHandler();
    const response = await send("/events/stream", { headers: { "last-event-id": "abc" } });
    expect(await problemOf(response)).toMatchObject({ status: 400, code: "INVALID_INPUT" });
  });
});

describe("unknown ids", () => {
  const withId = closed.filter(([, { path }]) => path.includes("{id}"));
  const bodies: Readonly<Record<string, string>> = {
    "PATCH /servers/{id}": "{}",
    "PATCH /instances/{id}": "{}",
    "POST /servers/{id}/approve": '{"hash":"h"}',
  };

  it.each(withId)("%s answers 404 with the service's own words", async (name, route) => {
    const { send } = testHandler();
    const noun = route.path.startsWith("/servers") ? "server definition" : "instance";
    const body = bodies[name];
    const response = await send(pathOf(route).replace(/server-1|instance-1/, "other"), {
      method: route.method.toUpperCase(),
      ...(body !== undefined && { body, headers: json }),
    });
    expect(await problemOf(response)).toMatchObject({
      status: 404,
      code: "NOT_FOUND",
      message: `No ${noun} with id "other".`,
    });
  });
});
