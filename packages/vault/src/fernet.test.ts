import { isPlatformError } from "@moorage/core";
import { describe, expect, it } from "vitest";
import { type OpenFernetOptions, openFernet, sealFernet } from "./fernet.ts";

// From generate.json, verify.json and invalid.json of https://github.com/fernet/spec.
const KEY = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
const TOKEN =
  "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
const MADE_AT = "1985-10-26T01:20:00-07:00";
const VERIFIED_AT = "1985-10-26T01:20:01-07:00";
const invalid = [
  {
    name: "incorrect mac",
    token:
      "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==",
  },
  { name: "too short", token: "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==" },
  {
    name: "invalid base64",
    token:
      "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
  },
  {
    name: "payload size not multiple of block size",
    token: "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm",
  },
  {
    name: "payload padding error",
    token:
      "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==",
  },
  {
    name: "far-future TS (unacceptable clock skew)",
    token:
      "gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==",
  },
  {
    name: "expired TTL",
    token:
      "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
    at: "1985-10-26T01:21:31-07:00",
  },
  {
    name: "incorrect IV (causes padding error)",
    token:
      "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==",
  },
  { name: "trailing characters after b64 padding", token: `${TOKEN}trailingdata` },
  {
    name: "invalid characters in b64",
    token:
      "*gAAAAAAdwJ6wAAECAwQFBgcI!CQoLDA0ODy021?cpGVWKZ_eEwC@GM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==",
  },
  {
    name: "invalid non-urlsafe characters in b64",
    token:
      "gAAAAAAdwJ6wAAEC/AwQFBgcICQoLDA0ODy+021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==",
  },
];

// The bytes ff fe, sealed under the same key by cryptography 48 for Python.
const BINARY_TOKEN =
  "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODwAGwvyaEnkiFvMS3WT7PXhtigUVxxTffC4C-8tcbECkXQo6todAFKji21dtzG1JuA==";

const at = (text: string) => () => Date.parse(text);

function failureOf(
  token: string,
  { key = KEY, ...options }: OpenFernetOptions & { key?: string } = {},
): string {
  try {
    openFernet(token, key, options);
  } catch (error) {
    if (isPlatformError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  throw new Error("it opened");
}

describe("sealFernet", () => {
  it("makes the token of the specification's generate.json", () => {
    const iv = Uint8Array.from({ length: 16 }, (_, index) => index);
    expect(sealFernet("hello", KEY, { now: at(MADE_AT), randomBytes: () => iv })).toBe(TOKEN);
  });

  it("makes another token each time, which opens again", () => {
    const texts = ["", "x", "exactly 16 bytes", "Grüße 🔑\0", "\uFEFFmark", "a".repeat(100_000)];
    for (const text of texts) {
      const [one, other] = [sealFernet(text, KEY), sealFernet(text, KEY)];
      expect(one).not.toBe(other);
      expect(openFernet(one, KEY, { ttlSeconds: 60 })).toBe(text);
    }
  });
});

describe("openFernet", () => {
  it("opens the token of the specification's verify.json", () => {
    expect(openFernet(TOKEN, KEY, { ttlSeconds: 60, now: at(VERIFIED_AT) })).toBe("hello");
  });

  it("opens a token of any age where none is asked for, and takes it without padding", () => {
    expect(openFernet(TOKEN, KEY)).toBe("hello");
    expect(openFernet(TOKEN.replace("==", ""), KEY.replace("=", ""))).toBe("hello");
  });

  it.each(invalid)("refuses what invalid.json calls $name", ({ token, at: time = VERIFIED_AT }) => {
    expect(failureOf(token, { ttlSeconds: 60, now: at(time) })).toBe(failureOf(""));
  });

  it("takes a token until its time is over, and one of a clock that is a minute ahead", () => {
    const open = (seconds: number) =>
      openFernet(TOKEN, KEY, { ttlSeconds: 60, now: () => Date.parse(MADE_AT) + seconds * 1000 });
    expect([open(60), open(-60)]).toEqual(["hello", "hello"]);
    expect(() => open(61)).toThrow(/does not open/);
    expect(() => open(-61)).toThrow(/does not open/);
  });

  it("refuses every token with one character that is another, or that was cut, in the same words", () => {
    const seen = new Set<string>();
    for (let index = 0; index < TOKEN.length; index += 1) {
      const flipped = TOKEN[index] === "A" ? "B" : "A";
      seen.add(failureOf(TOKEN.slice(0, index) + flipped + TOKEN.slice(index + 1)));
      if (index < TOKEN.length - 2) seen.add(failureOf(TOKEN.slice(0, index)));
    }
    seen.add(failureOf(TOKEN, { key: Buffer.alloc(32, 7).toString("base64url") }));
    expect([...seen]).toEqual([expect.stringMatching(/^DECRYPT_FAILED /)]);
  });

  it("refuses an authentic token that holds no text", () => {
    expect(failureOf(BINARY_TOKEN)).toBe(failureOf(""));
  });

  it.each(["", "passphrase", KEY.slice(0, 40), `${KEY}AAAA`, KEY.replace("_", "/")])(
    "refuses %j as a key, without repeating it",
    (key) => {
      const message = failureOf(TOKEN, { key });
      expect(message).toMatch(/^INVALID_INPUT /);
      if (key !== "") expect(message).not.toContain(key);
      expect(() => sealFernet("x", key)).toThrow(/Fernet key/);
    },
  );
});
