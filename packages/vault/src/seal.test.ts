import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { isPlatformError, PlatformError } from "@moorage/core";
import { describe, expect, it } from "vitest";
import { ALGORITHMS } from "./cipher.ts";
import type { SecretContext } from "./context.ts";
import type { KeyProvider } from "./key-provider.ts";
import { generateKey, localKeyring } from "./key-ring.ts";
import { openValue, rewrapEnvelope, sealValue } from "./seal.ts";

const SENTINEL = "sentinel-value-4711";
const context: SecretContext = {
  ownerId: "alice",
  scopeKind: "instance",
  scopeId: "i-1",
  name: "TOKEN",
  purpose: "value",
};
const ring = `${generateKey("k2")},${generateKey("k1")}`;
const keys = localKeyring(ring);

async function failure(opening: Promise<string>): Promise<PlatformError> {
  try {
    await opening;
  } catch (error) {
    if (isPlatformError(error)) return error;
    throw error;
  }
  throw new Error("it opened");
}

/** Everything a reader can learn from an error, except where in the code it was made. */
function visible(error: PlatformError): string {
  const { stack: _, ...rest } = Object.getOwnPropertyDescriptors(error);
  return inspect(rest, { depth: 9, showHidden: true });
}

describe.each(ALGORITHMS)("a value sealed with %s", (algorithm) => {
  const seal = (value: string) => sealValue(value, { keys, context, algorithm });

  it.each(["x", "Grüße 🔑", "line\nline", "é".repeat(32_768)])("opens as it was: %.12j", async (value) => {
    const { envelope, keyId } = await seal(value);
    expect(keyId).toBe("k2");
    expect(envelope.startsWith(`moorage1.${algorithm}.k2.`)).toBe(true);
    expect(await openValue(envelope, { keys, context })).toBe(value);
  });

  it("never gives the same text twice, in no part", async () => {
    const [one, other] = await Promise.all([seal(SENTINEL), seal(SENTINEL)]);
    const parts = (envelope: string) => envelope.split(".").slice(3);
    expect(parts(one.envelope).filter((part) => parts(other.envelope).includes(part))).toEqual([]);
  });

  it("does not open for anybody else, nor under another name, scope or purpose", async () => {
    const { envelope } = await seal(SENTINEL);
    const moves: readonly Partial<SecretContext>[] = [
      { ownerId: "bob" },
      { scopeKind: "server" },
      { scopeId: "i-2" },
      { name: "TOKEN2" },
      { purpose: "previous" },
      { ownerId: "alicei-1", scopeId: "" },
    ];
    for (const move of moves) {
      const error = await failure(openValue(envelope, { keys, context: { ...context, ...move } }));
      expect(error.code).toBe("DECRYPT_FAILED");
    }
  });

  it("does not open when any one character of it is another", async () => {
    const { envelope } = await seal(SENTINEL);
    const seen = new Set<string>();
    for (let at = 0; at < envelope.length; at += 1) {
      const flipped = envelope[at] === "A" ? "B" : "A";
      const changed = envelope.slice(0, at) + flipped + envelope.slice(at + 1);
      seen.add(visible(await failure(openValue(changed, { keys, context }))));
    }
    expect(seen.size).toBe(1);
  });

  it("does not open when it is cut, at any length", async () => {
    const { envelope } = await seal(SENTINEL);
    for (let length = 0; length < envelope.length; length += 1) {
      const error = await failure(openValue(envelope.slice(0, length), { keys, context }));
      expect(error.code).toBe("DECRYPT_FAILED");
    }
  });

  it("does not open with a field of another one, or of another algorithm", async () => {
    const own = (await seal(SENTINEL)).envelope.split(".");
    const foreign = (await seal("another")).envelope.split(".");
    for (const field of [3, 4, 5]) {
      const mixed = own.map((part, at) => (at === field ? foreign[at] : part)).join(".");
      expect((await failure(openValue(mixed, { keys, context }))).code).toBe("DECRYPT_FAILED");
    }
    for (const other of ALGORITHMS.filter((name) => name !== algorithm)) {
      const relabelled = own.map((part, at) => (at === 1 ? other : part)).join(".");
      expect((await failure(openValue(relabelled, { keys, context }))).code).toBe("DECRYPT_FAILED");
    }
  });

  it("fails in the same words whatever is wrong, and says nothing of what is inside", async () => {
    const { envelope } = await seal(SENTINEL);
    const stranger = localKeyring(generateKey("k2"));
    const without = localKeyring(generateKey("k3"));
    const errors = await Promise.all([
      failure(openValue(envelope, { keys: stranger, context })),
      failure(openValue(envelope, { keys: without, context })),
      failure(openValue(envelope, { keys, context: { ...context, ownerId: "bob" } })),
      failure(openValue(envelope.replace(".k2.", ".k1."), { keys, context })),
      failure(openValue(envelope.replace(".k2.", ".k9."), { keys, context })),
      failure(openValue(`${envelope}A`, { keys, context })),
      failure(openValue("", { keys, context })),
      failure(openValue("moorage1.toString.k2.AA.AA.AA", { keys, context })),
    ]);
    const [first = "", ...rest] = errors.map(visible);
    expect(new Set([first, ...rest]).size).toBe(1);
    expect(first).toContain("DECRYPT_FAILED");
    expect(first).not.toContain(SENTINEL);
    expect(first).not.toContain(envelope.slice(20));
    expect(errors.every((error) => error.cause === undefined)).toBe(true);
  });

  it("opens after the ring has got a new first key", async () => {
    const old = generateKey("k1");
    const { envelope } = await sealValue(SENTINEL, { keys: localKeyring(old), context, algorithm });
    expect(await openValue(envelope, { keys: localKeyring(`${generateKey("k2")},${old}`), context })).toBe(
      SENTINEL,
    );
  });

  describe("and moved to another master key", () => {
    const next = localKeyring(`${generateKey("k3")},${ring}`);
    const move = (envelope: string, provider: KeyProvider = next) =>
      rewrapEnvelope(envelope, { keys: provider, context });

    it("keeps its nonce and ciphertext, and opens under the new key alone", async () => {
      const { envelope } = await seal(SENTINEL);
      const moved = await move(envelope);
      expect(moved.keyId).toBe("k3");
      const [before, after] = [envelope, moved.envelope].map((text) => text.split("."));
      expect(after?.slice(4)).toEqual(before?.slice(4));
      expect(after?.slice(0, 3)).toEqual(["moorage1", algorithm, "k3"]);
      expect(after?.[3]).not.toBe(before?.[3]);
      expect(await openValue(moved.envelope, { keys: next, context })).toBe(SENTINEL);
      expect((await failure(openValue(moved.envelope, { keys, context }))).code).toBe("DECRYPT_FAILED");
    });

    it("is refused in the same words as when it is opened, whichever character of its header is another", async () => {
      const { envelope } = await seal(SENTINEL);
      const headerLength = envelope.split(".").slice(0, 4).join(".").length;
      const seen = new Set([visible(await failure(openValue("", { keys, context })))]);
      for (let at = 0; at <= headerLength; at += 1) {
        const flipped = envelope[at] === "A" ? "B" : "A";
        const changed = envelope.slice(0, at) + flipped + envelope.slice(at + 1);
        seen.add(visible(await failure(move(changed).then(({ envelope: text }) => text))));
      }
      for (const keyId of ["k1", "k3", "k9", ""]) {
        const swapped = envelope.replace(".k2.", `.${keyId}.`);
        seen.add(visible(await failure(move(swapped).then(({ envelope: text }) => text))));
      }
      expect(seen.size).toBe(1);
    });

    it("does not open afterwards if it did not before, wherever it was cut or changed", async () => {
      const { envelope } = await seal(SENTINEL);
      const valueAt = envelope.split(".").slice(0, 4).join(".").length + 1;
      for (let at = 0; at < envelope.length; at += 1) {
        const flipped = envelope[at] === "A" ? "B" : "A";
        const broken = [envelope.slice(0, at)];
        if (at >= valueAt) broken.push(envelope.slice(0, at) + flipped + envelope.slice(at + 1));
        for (const text of broken) {
          const opening = move(text).then((moved) => openValue(moved.envelope, { keys: next, context }));
          expect((await failure(opening)).code).toBe("DECRYPT_FAILED");
        }
      }
    });

    it("is refused for anybody else's context, for a retired key and for a data key of another length", async () => {
      const { envelope } = await seal(SENTINEL);
      const retired = localKeyring(`${generateKey("k3")},${ring.replace(",", ":retired,")}`);
      const short: KeyProvider = { ...next, unwrap: async () => randomBytes(16) };
      const elsewhere = { keys: next, context: { ...context, ownerId: "bob" } };
      for (const moving of [
        move(envelope, retired),
        move(envelope, short),
        rewrapEnvelope(envelope, elsewhere),
      ]) {
        await expect(moving).rejects.toMatchObject({ code: "DECRYPT_FAILED" });
      }
    });

    it("leaves no data key behind, nor asks for one while the key service is down", async () => {
      const { envelope } = await seal(SENTINEL);
      const seen: Uint8Array[] = [];
      const watching: KeyProvider = {
        ...next,
        async unwrap(...call) {
          const dataKey = await next.unwrap(...call);
          seen.push(dataKey);
          return dataKey;
        },
      };
      await move(envelope, watching);
      expect(seen.map((bytes) => Buffer.from(bytes).equals(Buffer.alloc(32)))).toEqual([true]);
      const error = new PlatformError("UPSTREAM_UNAVAILABLE", "The key service does not answer.");
      const down: KeyProvider = { ...next, wrap: () => Promise.reject(error) };
      await expect(move(envelope, down)).rejects.toBe(error);
      await expect(move(envelope, { ...next, unwrap: () => Promise.reject(error) })).rejects.toBe(error);
    });
  });
});

describe("what was stored by an earlier version", () => {
  const stored = {
    secretbox:
      "moorage1.secretbox.k1.TN4N2w9ojFs9nJBD0MKs1Uis0UmTI4PTRUNYAl1Tr8S--v1lUz4qc36bgIjbRCwIbo6pu1tWgDcUN12mttDfux294JVkbS3r.5MlzwbZ14dAjQ4_SUHiaW5zPJNV8LSqQ.ZaewCm2nedf9DrV37Z0abiZE3bqzZb3koM6QL3y4rEUrphoNwKhd2DkB4w",
    "aes-256-gcm":
      "moorage1.aes-256-gcm.k1.CVfTcSQwzRCxxeH2jcRyu2oIqMgRowc7Y9kUGv56OMm5JJw5S6LRL-tWl3Xy44eEgaMXWIBgfgpiLAfi.JBiIVdvrumhgwgIr.2eMGABLsIR7_lCd9uw4vb9pwrc8q7W4Id4fk1mHTVCj47j1wVEn6ca0SHw",
  };

  it.each(ALGORITHMS)("opens for ever: %s", async (algorithm) => {
    const key = Uint8Array.from({ length: 32 }, (_, at) => at * 7);
    const opened = await openValue(stored[algorithm], { keys: localKeyring([{ id: "k1", key }]), context });
    expect(opened).toBe("stored for ever: ünï 🔑");
  });
});

describe("a key provider", () => {
  const failing = (error: unknown): KeyProvider => ({
    ...keys,
    unwrap: () => Promise.reject(error),
    wrap: () => Promise.reject(error),
  });

  it("that is down is told from a secret that does not open", async () => {
    const { envelope } = await sealValue(SENTINEL, { keys, context, algorithm: "secretbox" });
    const down = failing(new PlatformError("UPSTREAM_UNAVAILABLE", "The key service does not answer."));
    expect((await failure(openValue(envelope, { keys: down, context }))).code).toBe("UPSTREAM_UNAVAILABLE");
    await expect(sealValue(SENTINEL, { keys: down, context, algorithm: "secretbox" })).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
    });
  });

  it("that refuses a key is answered like every other failure", async () => {
    const { envelope } = await sealValue(SENTINEL, { keys, context, algorithm: "secretbox" });
    const error = await failure(openValue(envelope, { keys: failing(new Error(SENTINEL)), context }));
    expect(error.code).toBe("DECRYPT_FAILED");
    expect(visible(error)).not.toContain(SENTINEL);
  });

  it("that gives a wrong data key opens nothing", async () => {
    const { envelope } = await sealValue(SENTINEL, { keys, context, algorithm: "secretbox" });
    for (const dataKey of [randomBytes(32), randomBytes(16), new Uint8Array(0)]) {
      const wrong: KeyProvider = { ...keys, unwrap: async () => dataKey };
      expect((await failure(openValue(envelope, { keys: wrong, context }))).code).toBe("DECRYPT_FAILED");
    }
  });

  it("gets texts only, as the encryption context of a key service must be", async () => {
    const seen: unknown[] = [];
    const watching: KeyProvider = {
      ...keys,
      wrap(dataKey, keyContext) {
        seen.push(...Object.values(keyContext));
        return keys.wrap(dataKey, keyContext);
      },
    };
    await sealValue(SENTINEL, { keys: watching, context, algorithm: "aes-256-gcm" });
    expect(seen).toEqual(["alice", "instance", "i-1", "TOKEN", "value", "aes-256-gcm"]);
  });

  it("finds the data key wiped once the value is sealed", async () => {
    let kept: Uint8Array = new Uint8Array(0);
    const keeping: KeyProvider = {
      ...keys,
      wrap(dataKey, keyContext) {
        kept = dataKey;
        return keys.wrap(dataKey, keyContext);
      },
    };
    await sealValue(SENTINEL, { keys: keeping, context, algorithm: "secretbox" });
    expect(kept).toEqual(Buffer.alloc(32));
  });
});
