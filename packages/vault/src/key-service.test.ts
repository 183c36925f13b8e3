import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { type Clock, isPlatformError } from "@moorage/core";
import { describe, expect, it } from "vitest";
import type { KeyContext, SecretContext } from "./context.ts";
import { withKeyDeadline } from "./key-deadline.ts";
import type { KeyProvider } from "./key-provider.ts";
import { localKeyring } from "./key-ring.ts";
import { type KeyServiceOptions, type KeyServiceRequest, keyService } from "./key-service.ts";
import { openValue, rewrapEnvelope, sealValue } from "./seal.ts";

/** A key management service within the process: it holds the keys, takes its time, and may be switched off. */
class FakeKms {
  readonly requests: KeyServiceRequest[] = [];
  down: "no" | "refuses connections" | "hangs" = "no";
  readonly #keys = new Map<string, Buffer>();

  async encrypt(request: KeyServiceRequest): Promise<Uint8Array> {
    await this.#answer(request);
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.#key(request), nonce, { authTagLength: 16 });
    cipher.setAAD(Buffer.from(JSON.stringify(request.context)));
    return Buffer.concat([nonce, cipher.update(request.bytes), cipher.final(), cipher.getAuthTag()]);
  }

  async decrypt(request: KeyServiceRequest): Promise<Uint8Array> {
    await this.#answer(request);
    const { bytes, context } = request;
    try {
      const nonce = bytes.subarray(0, 12);
      const decipher = createDecipheriv("aes-256-gcm", this.#key(request), nonce, { authTagLength: 16 });
      decipher.setAAD(Buffer.from(JSON.stringify(context)));
      decipher.setAuthTag(bytes.subarray(-16));
      return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
    } catch {
      throw Object.assign(new Error("no"), { name: "InvalidCiphertextException" });
    }
  }

  async #answer(request: KeyServiceRequest): Promise<void> {
    this.requests.push({ ...request, bytes: Uint8Array.from(request.bytes) });
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (this.down === "hangs") await new Promise(() => {});
    if (this.down === "no") return;
    const config = { data: Buffer.from(request.bytes).toString("base64") };
    throw Object.assign(new Error(`connect ${config.data}`), { code: "ECONNREFUSED", config });
  }

  #key({ keyId }: KeyServiceRequest): Buffer {
    const key = this.#keys.get(keyId) ?? randomBytes(32);
    this.#keys.set(keyId, key);
    return key;
  }
}

/** Timers that fire when they are told to. */
class HandClock implements Clock {
  readonly #timers = new Map<() => void, number>();
  now = () => 0;
  setTimer = (callback: () => void, delayMs: number) => {
    this.#timers.set(callback, delayMs);
    return () => void this.#timers.delete(callback);
  };
  get pending(): readonly number[] {
    return [...this.#timers.values()];
  }
  fire(): void {
    for (const callback of this.#timers.keys()) callback();
  }
}

const context: SecretContext = {
  ownerId: "alice",
  scopeKind: "instance",
  scopeId: "i-1",
  name: "TOKEN",
  purpose: "value",
};
const VALUE = "sentinel-value-4711";

function serviceOf(kms: FakeKms, options: Partial<KeyServiceOptions> = {}): KeyProvider {
  return keyService({
    keyIds: ["kms-2", "kms-1"],
    encrypt: (request) => kms.encrypt(request),
    decrypt: (request) => kms.decrypt(request),
    isRefusal: (error) => error instanceof Error && error.name === "InvalidCiphertextException",
    ...options,
  });
}

const seal = (keys: KeyProvider) => sealValue(VALUE, { keys, context, algorithm: "secretbox" });

async function failure(work: Promise<unknown>): Promise<{ code: string; text: string }> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isPlatformError(error)) throw new Error("no platform error");
  return { code: error.code, text: inspect(error, { depth: 9, showHidden: true }) };
}

describe("a key service", () => {
  it("seals and opens, and is given the encryption context each time", async () => {
    const kms = new FakeKms();
    const keys = serviceOf(kms);
    const { envelope, keyId } = await seal(keys);
    expect(keyId).toBe("kms-2");
    expect(await openValue(envelope, { keys, context })).toBe(VALUE);
    const expected: KeyContext = { ...context, algorithm: "secretbox" };
    expect(kms.requests.map((request) => request.context)).toEqual([expected, expected]);
    expect(kms.requests.map((request) => request.keyId)).toEqual(["kms-2", "kms-2"]);
  });

  it("never sees a value, nor gives the vault a master key", async () => {
    const kms = new FakeKms();
    const keys = serviceOf(kms);
    const { envelope } = await seal(keys);
    await openValue(envelope, { keys, context });
    expect(kms.requests.map(({ bytes }) => bytes.length)).toEqual([32, 60]);
    expect(inspect(kms.requests, { depth: 9 })).not.toContain(VALUE);
  });

  it("opens under a key in grace, moves to the first one, and opens nothing with a retired one", async () => {
    const kms = new FakeKms();
    const { envelope } = await seal(serviceOf(kms, { keyIds: ["kms-1"] }));
    const keys = serviceOf(kms);
    expect(await openValue(envelope, { keys, context })).toBe(VALUE);
    const moved = await rewrapEnvelope(envelope, { keys, context });
    expect(moved.keyId).toBe("kms-2");
    const later = serviceOf(kms, { keyIds: ["kms-2"], retiredKeyIds: ["kms-1"] });
    expect(await openValue(moved.envelope, { keys: later, context })).toBe(VALUE);
    const asked = kms.requests.length;
    expect((await failure(openValue(envelope, { keys: later, context }))).code).toBe("DECRYPT_FAILED");
    expect(kms.requests).toHaveLength(asked);
    expect(await later.keyIds?.()).toEqual(["kms-2", "kms-1"]);
    const states = ["kms-2", "kms-1", "kms-0"].map((id) => later.keyState(id));
    expect(await Promise.all(states)).toEqual(["active", "retired", "unknown"]);
    expect(await keys.keyState("kms-1")).toBe("grace");
  });

  it("that refuses is told from one that is down, and neither says more than that", async () => {
    const kms = new FakeKms();
    const keys = serviceOf(kms);
    const { envelope } = await seal(keys);
    const foreign = { ...context, ownerId: "bob" };
    expect((await failure(openValue(envelope, { keys, context: foreign }))).code).toBe("DECRYPT_FAILED");
    kms.down = "refuses connections";
    for (const work of [openValue(envelope, { keys, context }), seal(keys)]) {
      const { code, text } = await failure(work);
      expect(code).toBe("UPSTREAM_UNAVAILABLE");
      expect(text).toContain("ECONNREFUSED");
      for (const { bytes } of kms.requests) expect(text).not.toContain(Buffer.from(bytes).toString("base64"));
    }
    kms.down = "no";
    expect(await openValue(envelope, { keys, context })).toBe(VALUE);
  });

  it("that does not answer is given up at the deadline, and its call is aborted", async () => {
    const kms = new FakeKms();
    const clock = new HandClock();
    const keys = serviceOf(kms, { clock, deadlineMs: 1_234 });
    const { envelope } = await seal(keys);
    expect(clock.pending).toEqual([]);
    kms.down = "hangs";
    const opening = failure(openValue(envelope, { keys, context }));
    expect(clock.pending).toEqual([1_234]);
    clock.fire();
    expect(await opening).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    expect((await opening).text).toContain("within 1234 ms");
    expect(kms.requests.map(({ signal }) => signal.aborted)).toEqual([false, true]);
    expect(clock.pending).toEqual([]);
  });

  it.each([
    { keyIds: [] },
    { keyIds: ["arn:aws:kms:key/1"] },
    { keyIds: ["a", "a"] },
    { retiredKeyIds: ["kms-1"] },
  ])("is refused with %j", (options) => {
    expect(() => serviceOf(new FakeKms(), options)).toThrow(/key service/);
  });
});

describe("a key provider with a deadline", () => {
  const ring = localKeyring([{ id: "k1", key: randomBytes(32) }]);
  const keyContext: KeyContext = { ...context, algorithm: "secretbox" };
  const never = () => new Promise<never>(() => {});

  it("answers as it does without one", async () => {
    const clock = new HandClock();
    const keys = withKeyDeadline(ring, { clock });
    const dataKey = randomBytes(32);
    const { keyId, wrapped } = await keys.wrap(dataKey, keyContext);
    expect(Buffer.from(await keys.unwrap(keyId, wrapped, keyContext))).toEqual(dataKey);
    expect([await keys.currentKeyId(), await keys.keyState("k1"), await keys.keyIds?.()]).toEqual([
      "k1",
      "active",
      ["k1"],
    ]);
    expect(clock.pending).toEqual([]);
    const { keyIds: _, ...plain } = ring;
    expect("keyIds" in withKeyDeadline(plain)).toBe(false);
  });

  it("gives up every call after five seconds, unless told otherwise", async () => {
    const clock = new HandClock();
    const hanging = { currentKeyId: never, wrap: never, unwrap: never, keyState: never, keyIds: never };
    const keys = withKeyDeadline(hanging, { clock });
    const calls = [
      keys.currentKeyId(),
      keys.wrap(randomBytes(32), keyContext),
      keys.unwrap("k1", randomBytes(32), keyContext),
      keys.keyState("k1"),
      keys.keyIds?.() ?? Promise.resolve(),
    ].map(failure);
    expect(clock.pending).toEqual(Array(5).fill(5_000));
    clock.fire();
    expect((await Promise.all(calls)).map(({ code }) => code)).toEqual(Array(5).fill("UPSTREAM_UNAVAILABLE"));
  });

  it("wipes a data key that comes too late", async () => {
    const clock = new HandClock();
    const dataKey = randomBytes(32);
    let answer = (_: Uint8Array) => {};
    const slow: KeyProvider = {
      ...ring,
      unwrap: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    };
    const opening = failure(withKeyDeadline(slow, { clock }).unwrap("k1", randomBytes(48), keyContext));
    clock.fire();
    expect((await opening).code).toBe("UPSTREAM_UNAVAILABLE");
    answer(dataKey);
    await new Promise((resolve) => setImmediate(resolve));
    expect(dataKey).toEqual(Buffer.alloc(32));
  });
});
