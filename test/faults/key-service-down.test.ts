import { type Clock, isPlatformError, systemClock } from "@moorage/core";
import { proxy } from "@moorage/proxy";
import { fixtureDefinition, type TestPlatform, testPlatform } from "@moorage/testing";
import { generateKey, type KeyServiceRequest, keyService, localKeyring, vault } from "@moorage/vault";
import { afterEach, beforeEach, expect, test } from "vitest";

const DEADLINE_MS = 300;
const VALUE = "sentinel-of-the-key-service";

/** A key service in this process: a key ring behind a few milliseconds and a switch. */
const service = { isDown: false, isSilent: false, requests: [] as KeyServiceRequest[] };
const ring = localKeyring(generateKey("inner"));

async function answer(request: KeyServiceRequest): Promise<void> {
  service.requests.push(request);
  await new Promise((resolve) => setTimeout(resolve, 2));
  if (service.isDown) throw Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
  if (service.isSilent) await new Promise(() => {});
}

const keys = keyService({
  keyIds: ["kms-1"],
  async encrypt(request) {
    await answer(request);
    return (await ring.wrap(request.bytes, request.context)).wrapped;
  },
  async decrypt(request) {
    await answer(request);
    return ring.unwrap("inner", request.bytes, request.context);
  },
  isRefusal: (error) => isPlatformError(error, "DECRYPT_FAILED"),
  deadlineMs: DEADLINE_MS,
});

let house: TestPlatform<never, Clock>;
let serverId: string;

beforeEach(async () => {
  Object.assign(service, { isDown: false, isSilent: false, requests: [] });
  house = await testPlatform({ proxy: proxy(), vault: vault({ keys }), clock: systemClock });
  serverId = (await house.platform.catalog.register(fixtureDefinition("echo"))).id;
  await house.platform.secrets.put({ name: "TOKEN", value: VALUE, ownerId: "ada" });
});
afterEach(() => house.close());

const create = () =>
  house.platform.instances.create({ serverId, ownerId: "ada", environment: { TOKEN: "secret:TOKEN" } });
const readToken = async (instanceId: string) =>
  JSON.stringify(
    (await house.platform.tools.call(instanceId, { name: "read-env", arguments: { name: "TOKEN" } })).result,
  );
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "nothing went wrong",
    (error: unknown) => (isPlatformError(error) ? `${error.code} ${error.retryable}` : String(error)),
  );

test("a running instance does not notice that the key service is down, and a new start says so and may be tried again", async () => {
  const running = await create();
  expect(await readToken(running.id)).toContain(VALUE);
  for (const outage of [{ isDown: true }, { isSilent: true }]) {
    Object.assign(service, { isDown: false, isSilent: false, ...outage });
    const asked = service.requests.length;
    expect(await readToken(running.id)).toContain(VALUE);
    expect(service.requests).toHaveLength(asked);
    expect((await house.platform.instances.get(running.id)).state).toBe("running");

    const startedAt = performance.now();
    expect(await codeOf(create())).toBe("UPSTREAM_UNAVAILABLE true");
    const put = house.platform.secrets.put({ name: "OTHER", value: "x", ownerId: "ada" });
    expect(await codeOf(put)).toBe("UPSTREAM_UNAVAILABLE true");
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  }
  Object.assign(service, { isDown: false, isSilent: false });
  const { items } = await house.platform.instances.list({ limit: 50 });
  for (const { id } of items.filter(({ state }) => state !== "running")) {
    await house.platform.instances.start(id);
    expect(await readToken(id)).toContain(VALUE);
  }
  expect(items).toHaveLength(3);
});

test("the key service is told whose secret it is, and never the value", async () => {
  const instance = await create();
  await readToken(instance.id);
  expect(service.requests.length).toBeGreaterThanOrEqual(2);
  for (const { context, bytes } of service.requests) {
    expect(context).toMatchObject({ ownerId: "ada", scopeKind: "owner", scopeId: "", name: "TOKEN" });
    expect(Buffer.from(bytes).toString()).not.toContain(VALUE);
  }
});
