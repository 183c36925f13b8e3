import { describe, expect, it } from "vitest";
import { encodedForms, plainForms } from "./forms.ts";

const VALUE = `p@ss/w+rd?"é<€> \\'(!)*~`;

describe("the plain forms of a value", () => {
  it("are the value itself and what JSON makes of it, in every common dialect", () => {
    const forms = plainForms(VALUE);
    const json = JSON.stringify(VALUE).slice(1, -1);
    expect(forms).toContain(VALUE);
    expect(forms).toContain(json);
    expect(forms).toContain(json.replaceAll("/", "\\/"));
    expect(forms).toContain(json.replace("é", "\\u00e9").replace("€", "\\u20ac"));
    expect(forms).toContain(JSON.stringify(JSON.stringify(VALUE)).slice(3, -3));
  });

  it("are just one for a value that nothing escapes", () => {
    expect(plainForms("ghp_0123456789")).toEqual(["ghp_0123456789"]);
  });

  it("are the lines of a value that has several, without the spaces around them", () => {
    const forms = plainForms("-----BEGIN KEY-----\r\n  MIIEvQIBADAN  \nshort\n-----END KEY-----\n");
    expect(forms.slice(0, 3)).toEqual(["-----BEGIN KEY-----", "MIIEvQIBADAN", "-----END KEY-----"]);
    expect(forms).toContain("-----BEGIN KEY-----\\r\\n  MIIEvQIBADAN  \\nshort\\n-----END KEY-----");
  });

  it("are none shorter than eight characters", () => {
    expect(plainForms("1234567")).toEqual([]);
    expect(plainForms("12345678")).toEqual(["12345678"]);
  });
});

describe("the encoded forms of a value", () => {
  const forms = encodedForms(VALUE);

  it("are hexadecimal in both cases", () => {
    const hex = Buffer.from(VALUE).toString("hex");
    expect(forms).toEqual(expect.arrayContaining([hex, hex.toUpperCase()]));
  });

  it("are percent-encoded as components, strictly, as forms and as addresses, in both cases", () => {
    const component = encodeURIComponent(VALUE);
    const form = new URLSearchParams({ v: VALUE }).toString().slice(2);
    expect(form).toContain("+");
    expect(forms).toEqual(
      expect.arrayContaining([
        component,
        component.replaceAll("%2F", "%2f").replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
        component.replace(
          /[!'()*]/g,
          (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
        ),
        form,
        encodeURI(VALUE),
      ]),
    );
  });

  it("are base64 and base64url, with and without padding", () => {
    for (const value of [VALUE, `${VALUE}1`, `${VALUE}12`]) {
      const all = encodedForms(value);
      const padded = Buffer.from(value).toString("base64");
      expect(all).toContain(padded);
      expect(all).toContain(padded.replaceAll("=", ""));
      expect(all).toContain(Buffer.from(value).toString("base64url"));
    }
  });

  it("are found in base64 of something longer, wherever the value lies in it", () => {
    for (const before of ["", "u", "us", "user", "user:", "Bearer "]) {
      for (const after of ["", "\n", "--", "..."]) {
        const text = Buffer.from(`${before}${VALUE}${after}`).toString("base64");
        const found = forms.filter((form) => text.includes(form));
        const longest = Math.max(0, ...found.map((form) => form.length));
        expect(longest, text).toBeGreaterThanOrEqual(Math.floor((Buffer.byteLength(VALUE) * 8) / 6) - 2);
      }
    }
  });

  it("exist for text that no encoding can hold", () => {
    const broken = "half a pair: \ud83d end";
    expect(encodedForms(broken)).toContain(Buffer.from(broken).toString("hex"));
  });
});
