import { isPlatformError, type LaunchRequest, PlatformError, type PlatformEvent } from "@moorage/core";
import { proxy } from "@moorage/proxy";
import {
  fixtureDefinition,
  type TestDatabase,
  type TestPlatform,
  testDatabase,
  testPlatform,
} from "@moorage/testing";
import { generateKey, vault } from "@moorage/vault";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { postgresUrl } from "../support/postgres.ts";

const url = postgresUrl();
const keys = generateKey("k1");
const SENTINEL = "sentinel-8c1f27d05e-value";
const alice = { id: "alice" };
const bob = { id: "bob" };

describe.each([
  { dialect: "SQLite", where: "sqlite", missing: false },
  { dialect: "Postgres", where: url ?? "", missing: url === null },
])("on $dialect", ({ where, missing }) => {
  describe.skipIf(missing)("secrets of instances", () => secretsOfInstances(where));
});

function secretsOfInstances(where: string): void {
  let database: TestDatabase;
  let house: TestPlatform;
  let serverId: string;
  const warnings: object[] = [];

  const openHouse = () =>
    testPlatform({
      proxy: proxy(),
      vault: vault({ keys }),
      rateLimits: { instanceCreate: false, api: false },
      database: database.open(),
      logger: { debug() {}, info() {}, warn: (details) => void warnings.push(details), error() {} },
    });

  beforeEach(async () => {
    warnings.length = 0;
    database = await testDatabase(where);
    house = await openHouse();
    serverId = await register(fixtureDefinition("echo"));
  });

  afterEach(async () => {
    await house.close();
    await database.close();
  });

  const secrets = () => house.platform.secrets;
  const instances = () => house.platform.instances;

  async function register(definition: ReturnType<typeof fixtureDefinition>, actor = alice): Promise<string> {
    return (await house.platform.catalog.register(definition, { actor })).id;
  }

  const create = (environment: Record<string, string> = {}, more: object = {}) =>
    instances().create({ serverId, environment, ...more }, { actor: alice });

  const launchesOf = (id: string): LaunchRequest[] =>
    house.provider.calls.flatMap((call) =>
      call.method === "launch" && call.request?.instanceId === id ? [call.request] : [],
    );

  /** What the newest run of the instance was given. */
  const given = (id: string) => launchesOf(id).at(-1)?.environment;

  const put = (value: string, more: object = {}) =>
    secrets().put({ name: "TOKEN", value, ...more }, { actor: alice });

  const at = (kind: "instance" | "server", id: string) => ({ scope: { kind, id } }) as const;

  const generation = async (id: string) => (await instances().get(id)).generation;

  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => "nothing went wrong",
      (error: unknown) => (isPlatformError(error) ? `${error.code}: ${error.message}` : error),
    );

  describe("a reference", () => {
    test("leads to the instance's secret before its server's before its owner's", async () => {
      await put("of the owner");
      const { id } = await create({ TOKEN: "secret:TOKEN" });
      expect(given(id)).toMatchObject({ TOKEN: "of the owner" });
      await put("of the server", at("server", serverId));
      await instances().restart(id);
      expect(given(id)).toMatchObject({ TOKEN: "of the server" });
      await put("of the instance", at("instance", id));
      await instances().restart(id);
      expect(given(id)).toMatchObject({ TOKEN: "of the instance" });
      await secrets().remove({ name: "TOKEN", ...at("instance", id) }, { actor: alice });
      await instances().restart(id);
      expect(given(id)).toMatchObject({ TOKEN: "of the server" });
    });

    test("is counted as use of the secret that it leads to, and of no other", async () => {
      const one = await create({ TOKEN: "plain", GREETING: "secret:TOKEN" }, { enabled: false });
      const two = await create({ GREETING: "secret:TOKEN" }, { enabled: false });
      await create({ GREETING: "secret:OTHER" }, { enabled: false });
      const gone = await create({ GREETING: "secret:TOKEN" }, { enabled: false });
      await instances().remove(gone.id);
      await instances().create(
        { serverId, ownerId: "bob", environment: { GREETING: "secret:TOKEN" }, enabled: false },
        {},
      );
      const use = async (more: object = {}) =>
        (await secrets().usage({ name: "TOKEN", ...more }, { actor: alice })).instances;
      await put("of the owner");
      expect(await use()).toEqual([two.id]);
      expect(await use(at("instance", one.id))).toEqual([one.id]);
      await put("of the server", at("server", serverId));
      expect(await use()).toEqual([]);
      expect(await use(at("server", serverId))).toEqual([two.id]);
      await put("of the instance", at("instance", two.id));
      expect(await use(at("server", serverId))).toEqual([]);
      expect(await use(at("instance", two.id))).toEqual([two.id]);
    });

    test("that leads nowhere fails the start and is named", async () => {
      const failure = await codeOf(create({ TOKEN: "secret:MISSING" }));
      expect(failure).toMatch(/^NOT_FOUND: .*secret:MISSING/);
    });
  });

  describe("somebody else's", () => {
    const operations = {
      put: (name: object) => secrets().put({ name: "TOKEN", value: "v", ...name }, { actor: bob }),
      rotate: (name: object) => secrets().rotate({ name: "TOKEN", value: "v", ...name }, { actor: bob }),
      usage: (name: object) => secrets().usage({ name: "TOKEN", ...name }, { actor: bob }),
      remove: (name: object) => secrets().remove({ name: "TOKEN", ...name }, { actor: bob }),
      grant: (name: object) => secrets().grant({ name: "TOKEN", toInstanceId: "x", ...name }, { actor: bob }),
      revoke: (name: object) =>
        secrets().revoke({ name: "TOKEN", toInstanceId: "x", ...name }, { actor: bob }),
    };

    test("instance is answered as one that does not exist, by every operation", async () => {
      const { id } = await create({ TOKEN: SENTINEL }, { enabled: false });
      for (const [name, operation] of Object.entries(operations)) {
        const unknown = await codeOf(operation(at("instance", "unknown")));
        expect(unknown, name).toBe('NOT_FOUND: No instance with id "unknown".');
        const failure = await codeOf(operation(at("instance", id)));
        expect(failure, name).toBe(`NOT_FOUND: No instance with id "${id}".`);
      }
      expect((await secrets().list({}, { actor: bob })).items).toEqual([]);
      expect((await secrets().list(at("instance", id), { actor: bob })).items).toEqual([]);
      expect((await secrets().list(at("instance", id), { actor: alice })).items).toHaveLength(1);
    });

    test("secret is answered as one that does not exist", async () => {
      await put(SENTINEL);
      for (const name of ["rotate", "usage", "remove"] as const) {
        expect(await codeOf(operations[name]({})), name).toMatch(/^NOT_FOUND: .*TOKEN/);
        expect(await codeOf(operations[name]({ ownerId: "alice" })), name).toBe(
          'NOT_FOUND: No secret with id "TOKEN".',
        );
      }
      expect(await secrets().list({}, { actor: alice })).toMatchObject({ items: [{ version: 1 }] });
    });

    test("server definition takes no secret, unless it is public", async () => {
      expect(await codeOf(operations.put(at("server", serverId)))).toBe(
        `NOT_FOUND: No server definition with id "${serverId}".`,
      );
      const open = await register(fixtureDefinition("echo", { name: "open", visibility: "public" }));
      const stored = await operations.put(at("server", open));
      expect(stored).toMatchObject({ ownerId: "bob", ...at("server", open) });
      expect((await secrets().list({}, { actor: alice })).items).toEqual([]);
    });

    test("instance cannot be granted a secret", async () => {
      const { id } = await create({ TOKEN: SENTINEL }, { enabled: false });
      const foreign = await instances().create({ serverId, ownerId: "bob", enabled: false });
      const grant = { name: "TOKEN", ...at("instance", id), toInstanceId: foreign.id };
      expect(await codeOf(secrets().grant(grant, { actor: alice }))).toBe(
        `NOT_FOUND: No instance with id "${foreign.id}".`,
      );
      expect(await codeOf(secrets().grant({ ...grant, toInstanceId: "unknown" }, { actor: alice }))).toBe(
        'NOT_FOUND: No instance with id "unknown".',
      );
    });
  });

  describe("a grant", () => {
    test("lets another instance of the owner use an instance's secret until it is taken back", async () => {
      const one = await create({ TOKEN: SENTINEL });
      const two = await create({ TOKEN: `secret_ref:${one.id}:TOKEN` }, { enabled: false });
      const secret = { name: "TOKEN", ...at("instance", one.id) };
      expect(await codeOf(instances().start(two.id))).toMatch(/^NOT_FOUND: .*secret_ref/);
      await secrets().grant({ ...secret, toInstanceId: two.id }, { actor: alice });
      await instances().start(two.id);
      expect(given(two.id)).toMatchObject({ TOKEN: SENTINEL });
      const usage = await secrets().usage(secret, { actor: alice });
      expect(usage.grantedTo).toEqual([two.id]);
      expect([...usage.instances].sort()).toEqual([one.id, two.id].sort());
      await secrets().revoke({ ...secret, toInstanceId: two.id }, { actor: alice });
      expect(await codeOf(instances().restart(two.id))).toMatch(/^NOT_FOUND: .*secret_ref/);
      expect((await secrets().usage(secret, { actor: alice })).instances).toEqual([one.id]);
      expect(await codeOf(secrets().revoke({ ...secret, toInstanceId: two.id }, { actor: alice }))).toBe(
        `NOT_FOUND: The secret "TOKEN" of instance "${one.id}" is not granted to instance "${two.id}".`,
      );
    });

    test("is refused for what is no instance's secret", async () => {
      const { id: toInstanceId } = await create({}, { enabled: false });
      await put(SENTINEL);
      const grant = { name: "TOKEN", scope: { kind: "owner" }, toInstanceId } as const;
      expect(await codeOf(secrets().grant(grant, { actor: alice }))).toMatch(/^INVALID_INPUT: .*scope/);
    });
  });

  describe("a rotation", () => {
    const rotate = (value: string) => secrets().rotate({ name: "TOKEN", value }, { actor: alice });
    const using = (more: object = {}) => create({ TOKEN: "secret:TOKEN" }, more);

    test("restarts those running instances that use the secret and asked for it, desired all along", async () => {
      await put("before");
      const asked = await using({ restartOnRotation: true });
      const silent = await using();
      const other = await create({ TOKEN: "secret:OTHER" }, { restartOnRotation: true, enabled: false });
      const stopped = await using({ restartOnRotation: true });
      await instances().stop(stopped.id);
      const seen: PlatformEvent[] = [];
      house.platform.events.onAny((event) => void seen.push(event));
      expect(await rotate("after")).toMatchObject({ version: 2 });
      await expect.poll(() => given(asked.id)?.TOKEN).toBe("after");
      await expect.poll(async () => (await instances().get(asked.id)).state).toBe("running");
      expect(await generation(asked.id)).toBe(2);
      const told = seen.filter(({ subjectId }) => subjectId === asked.id).map(({ type }) => type);
      expect(told).toEqual([
        "instance.stopping",
        "instance.stopped",
        "instance.starting",
        "instance.running",
      ]);
      expect(launchesOf(silent.id)).toHaveLength(1);
      expect(launchesOf(other.id)).toHaveLength(0);
      expect(launchesOf(stopped.id)).toHaveLength(1);
      expect((await instances().get(stopped.id)).state).toBe("stopped");
      expect(seen.map(({ type }) => type)).toContain("secret.rotated");
    });

    test("lets a call that comes meanwhile wait for the new run", async () => {
      await put("before");
      const { id } = await using({ restartOnRotation: true });
      house.provider.delay("stop", 1_000);
      await rotate("after");
      await expect.poll(async () => (await instances().get(id)).state).toBe("stopping");
      const call = house.platform.tools.call(id, { name: "echo", arguments: { message: "hello" } });
      await expect.poll(() => house.provider.calls.some(({ method }) => method === "stop")).toBe(true);
      // The launch stops once more what it is about to replace.
      house.provider.delay("stop", 0);
      await house.clock.advance(1_000);
      expect(await call).toMatchObject({ status: "success" });
      expect(given(id)).toMatchObject({ TOKEN: "after" });
    });

    test("is stored even if a restart fails, which is written to the log and to the row", async () => {
      await put("before");
      const { id } = await using({ restartOnRotation: true });
      house.provider.failNext("launch", new PlatformError("LAUNCH_FAILED", "no room"));
      expect(await rotate("after")).toMatchObject({ version: 2 });
      await expect.poll(async () => (await instances().get(id)).state).toBe("failed");
      await expect.poll(() => warnings).toContainEqual(expect.objectContaining({ instanceId: id }));
      expect(JSON.stringify(warnings)).not.toContain("after");
    });

    test("does not undo a stop that somebody asks for meanwhile", async () => {
      await put("before");
      const { id } = await using({ restartOnRotation: true });
      house.provider.delay("stop", 1_000);
      await rotate("after");
      await expect.poll(async () => (await instances().get(id)).state).toBe("stopping");
      const stopping = instances().stop(id);
      await expect.poll(async () => (await instances().get(id)).desired).toBe("stopped");
      await house.clock.advance(1_000);
      expect((await stopping).state).toBe("stopped");
      expect(launchesOf(id)).toHaveLength(1);
    });

    test("of many instances restarts them all, and once for two rotations in a row at most twice", async () => {
      await put("before");
      const all = await Promise.all(Array.from({ length: 6 }, () => using({ restartOnRotation: true })));
      await rotate("between");
      await rotate("after");
      for (const { id } of all) {
        await expect.poll(() => given(id)?.TOKEN).toBe("after");
        await expect.poll(async () => (await instances().get(id)).state).toBe("running");
        expect(await generation(id)).toBeLessThanOrEqual(3);
      }
    });

    test("of a secret that is not there is refused", async () => {
      expect(await codeOf(rotate("after"))).toMatch(/^NOT_FOUND: /);
    });
  });

  describe("before anything is sealed", () => {
    const declared = (name: string, rules: object) => ({ name, isSecret: true, ...rules });
    const strict = () =>
      fixtureDefinition("echo", {
        name: "strict",
        packages: [
          {
            registryType: "command",
            command: process.execPath,
            args: ["server.js"],
            transport: { type: "stdio" },
            environmentVariables: [
              declared("PORT", { type: "integer" }),
              declared("MODE", { choices: ["read", "write"] }),
              declared("ADDRESS", { format: "uri" }),
            ],
          },
        ],
      });

    test("a value is checked against the variable of its instance or server", async () => {
      const id = await register(strict());
      const { id: instanceId } = await instances().create({ serverId: id, enabled: false }, { actor: alice });
      for (const place of [at("server", id), at("instance", instanceId)]) {
        for (const name of ["PORT", "MODE", "ADDRESS"]) {
          const failure = await codeOf(secrets().put({ name, value: SENTINEL, ...place }, { actor: alice }));
          expect(failure).toMatch(new RegExp(`^INVALID_INPUT: .*${name}`));
          expect(failure).not.toContain(SENTINEL);
        }
        await secrets().put({ name: "PORT", value: "8080", ...place }, { actor: alice });
        const rotation = { name: "PORT", value: SENTINEL, ...place };
        expect(await codeOf(secrets().rotate(rotation, { actor: alice }))).toMatch(/^INVALID_INPUT: .*PORT/);
        await secrets().put({ name: "UNDECLARED", value: "anything", ...place }, { actor: alice });
      }
      await secrets().put({ name: "PORT", value: "of the owner: any text" }, { actor: alice });
      expect((await secrets().list({}, { actor: alice })).items.map(({ name }) => name).sort()).toEqual([
        "PORT",
        "PORT",
        "PORT",
        "UNDECLARED",
        "UNDECLARED",
      ]);
    });

    test("a literal of an instance is checked, and nothing of the instance is written", async () => {
      const id = await register(strict());
      const environment = { PORT: SENTINEL, MODE: "read" };
      const failure = await codeOf(instances().create({ serverId: id, environment }, { actor: alice }));
      expect(failure).toMatch(/^INVALID_INPUT: .*PORT/);
      expect(failure).not.toContain(SENTINEL);
      expect((await secrets().list()).items).toEqual([]);
      expect((await instances().list()).items).toEqual([]);
    });

    test("a required variable that is missing is named", async () => {
      const id = await register(fixtureDefinition("needs-env"));
      const failure = await codeOf(instances().create({ serverId: id }, { actor: alice }));
      expect(failure).toMatch(/^MISSING_VARIABLES: .*API_KEY/);
      expect((await instances().list()).items).toEqual([]);
    });

    test.each([
      { name: "1TOKEN" },
      { name: "a".repeat(129) },
      { value: "" },
      { value: "x".repeat(65_537) },
      { value: "ü".repeat(32_769) },
      { scope: { kind: "planet" } },
      { scope: { kind: "instance" } },
      { scope: { kind: "owner", id: "x" } },
      { rotateAfterDays: 0 },
      { rotateAfterDays: 1.5 },
      { surprise: true },
    ])("input such as case %# is refused", async (wrong) => {
      const input = { name: "TOKEN", value: "v", ...wrong } as Parameters<typeof put>[1] & { value: string };
      expect(await codeOf(put(input.value, input))).toMatch(/^INVALID_INPUT/);
      expect((await secrets().list()).items).toEqual([]);
    });
  });

  describe("over HTTP", () => {
    async function send(method: string, path: string, json?: object) {
      const headers = { authorization: "Bearer alice", "content-type": "application/json" };
      const init = { method, headers, ...(json && { body: JSON.stringify(json) }) };
      const response = await house.platform.handler(new Request(`http://host.test/moorage${path}`, init));
      const text = await response.text();
      expect(text).not.toContain(SENTINEL);
      return { status: response.status, body: text === "" ? null : JSON.parse(text) };
    }

    test("a literal goes in, and only a reference is shown", async () => {
      const environment = { TOKEN: SENTINEL, GREETING: "hello" };
      const created = await send("POST", "/instances", {
        serverId,
        environment,
        secretDelivery: "file",
        restartOnRotation: true,
      });
      const { id } = created.body;
      expect(created.status).toBe(201);
      const shown = {
        environment: { TOKEN: `secret_ref:${id}:TOKEN`, GREETING: "hello" },
        secretDelivery: "file",
        restartOnRotation: true,
      };
      expect((await send("GET", `/instances/${id}`)).body).toMatchObject(shown);
      expect((await send("GET", "/instances")).body.items).toMatchObject([shown]);
      const changes = { environment: { TOKEN: `${SENTINEL}2` }, restartOnRotation: false };
      expect((await send("PATCH", `/instances/${id}`, changes)).body).toMatchObject({
        environment: { TOKEN: shown.environment.TOKEN },
        secretDelivery: "file",
        restartOnRotation: false,
      });
      expect((await send("GET", `/secrets?scope=instance&scopeId=${id}`)).body.items).toMatchObject([
        { name: "TOKEN", version: 2 },
      ]);
    });

    test("a secret is stored, rotated, looked at, granted and removed", async () => {
      const { id } = await create({ TOKEN: SENTINEL }, { enabled: false });
      const two = await create({}, { enabled: false });
      const stored = await send("PUT", "/secrets/KEY", { value: SENTINEL, rotateAfterDays: null });
      expect(stored).toMatchObject({ status: 200, body: { version: 1, expiresAt: null, rotatedAt: null } });
      const rotated = await send("POST", "/secrets/KEY/rotate", { value: SENTINEL, graceSeconds: 60 });
      expect(rotated).toMatchObject({ status: 200, body: { version: 2, previousUntil: expect.any(String) } });
      expect((await send("GET", "/secrets/KEY/usage")).body).toMatchObject({
        secret: { name: "KEY", version: 2 },
        grantedTo: [],
        instances: [],
      });
      const scope = { kind: "instance", id };
      const grant = ["/secrets/TOKEN/grants", { toInstanceId: two.id, scope }] as const;
      expect((await send("POST", ...grant)).status).toBe(204);
      const usage = await send("GET", `/secrets/TOKEN/usage?scope=instance&scopeId=${id}`);
      expect(usage.body).toMatchObject({ grantedTo: [two.id], instances: [id] });
      expect((await send("DELETE", ...grant)).status).toBe(204);
      expect((await send("DELETE", ...grant)).status).toBe(404);
      expect((await send("DELETE", "/secrets/KEY")).status).toBe(204);
      expect((await send("GET", "/secrets/KEY/usage")).status).toBe(404);
    });
  });

  describe("delivery by file", () => {
    test("is what the provider is asked for, and a change of it counts from the next start", async () => {
      const { id } = await create({ TOKEN: SENTINEL }, { secretDelivery: "file" });
      const read = { name: "read-secret-file", arguments: { name: "TOKEN" } };
      expect(launchesOf(id)).toMatchObject([{ secretDelivery: "file", secretNames: ["TOKEN"] }]);
      expect(await house.platform.tools.call(id, read)).toMatchObject({ status: "success" });
      await instances().update(id, { secretDelivery: "environment" });
      await instances().restart(id);
      expect(launchesOf(id)[1]).toMatchObject({ secretDelivery: "environment" });
    });
  });

  describe("the end", () => {
    test("of an instance is the end of its secrets", async () => {
      const { id } = await create({ TOKEN: SENTINEL });
      await instances().remove(id);
      expect((await secrets().list()).items).toEqual([]);
      expect(await codeOf(put("v", at("instance", id)))).toMatch(/^NOT_FOUND: No instance/);
    });

    test("of a server definition is the end of its own owner's secrets for it", async () => {
      const open = await register(fixtureDefinition("echo", { name: "open", visibility: "public" }));
      await put(SENTINEL, at("server", open));
      await secrets().put({ name: "TOKEN", value: "bob's", ...at("server", open) }, { actor: bob });
      await house.platform.catalog.remove(open, { actor: alice });
      expect((await secrets().list()).items).toMatchObject([{ ownerId: "bob" }]);
      await secrets().remove({ name: "TOKEN", ...at("server", open) }, { actor: bob });
      expect((await secrets().list()).items).toEqual([]);
    });

    test("of a secret's time is told by the task rotation", async () => {
      const types: string[] = [];
      house.platform.events.onAny(({ type }) => void types.push(type));
      await put(SENTINEL, { rotateAfterDays: 10 });
      house.clock.set("2026-02-01T00:00:00.000Z");
      await house.platform.tick("rotation");
      expect(types).toContain("secret.expired");
    });
  });

  test("what is done to a secret is audited once, with who did it", async () => {
    await put(SENTINEL);
    await secrets().rotate({ name: "TOKEN", value: `${SENTINEL}2` }, { actor: alice });
    await secrets().remove({ name: "TOKEN" }, { actor: alice });
    const { items } = await house.platform.audit.list({ subjectId: "TOKEN" });
    expect(items.map(({ actorId }) => actorId)).toEqual(["alice", "alice", "alice"]);
    expect(new Set(items.map(({ action }) => action)).size).toBe(3);
    expect(JSON.stringify(items)).not.toContain(SENTINEL);
  });

  test("the master keys are for the host's own code", async () => {
    await put(SENTINEL);
    expect(await secrets().masterKeys.list()).toEqual([{ keyId: "k1", state: "active", secrets: 1 }]);
    expect(await secrets().masterKeys.rewrap()).toMatchObject({ keyId: "k1", remaining: 0 });
    expect(await codeOf(secrets().masterKeys.purge("k1"))).toMatch(/^CONFLICT/);
  });

  test("without a vault every operation says what is missing", async () => {
    const bare = await testPlatform({ database: database.open() });
    const { secrets: none } = bare.platform;
    const name = { name: "TOKEN" };
    const failures = await Promise.all(
      [
        none.put({ ...name, value: "v" }),
        none.list(),
        none.rotate({ ...name, value: "v" }),
        none.usage(name),
        none.remove(name),
        none.masterKeys.list(),
        none.masterKeys.rewrap(),
        none.masterKeys.purge("k1"),
      ].map(codeOf),
    );
    expect(failures.map((failure) => String(failure).split(":")[0])).toEqual(
      Array(failures.length).fill("NOT_CONFIGURED"),
    );
    await bare.platform.tick("rotation");
    await bare.close();
  });
}
