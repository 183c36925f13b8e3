/** A shorter value is not searched for: it would be found where something else is meant. */
export const MINIMUM_SECRET_LENGTH = 8;

const LINE_END = /\r\n|\r|\n/;

/**
 * What a value looks like where it is written down as it is: each of its lines, and the whole as JSON writes it, also
 * with everything but ASCII escaped, with slashes escaped, and inside other JSON.
 */
export function plainForms(value: string): readonly string[] {
  const json = inJson(value.trim());
  return searchable([
    ...value.split(LINE_END).map((line) => line.trim()),
    json,
    json.replaceAll("/", "\\/"),
    json.replace(/[\u007f-\uffff]/g, (character) => `\\u${hex4(character)}`),
    inJson(json),
  ]);
}

/** What a value looks like in base64, also as a part of something longer, in hexadecimal and in addresses. */
export function encodedForms(value: string): readonly string[] {
  const bytes = Buffer.from(value.trim(), "utf8");
  const hex = bytes.toString("hex");
  // Half a surrogate pair, which no encoding can hold, has become U+FFFD in the bytes.
  const percent = percentForms(bytes.toString("utf8"));
  return searchable([...base64Forms(bytes), hex, hex.toUpperCase(), ...percent]);
}

function searchable(forms: readonly string[]): readonly string[] {
  return [...new Set(forms)].filter((form) => form.length >= MINIMUM_SECRET_LENGTH);
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function hex4(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(4, "0");
}

function base64Forms(bytes: Buffer): readonly string[] {
  const padded = bytes.toString("base64");
  const standard = [
    padded,
    padded.replace(/=+$/, ""),
    ...[0, 1, 2].map((offset) => base64Inside(bytes, offset)),
  ];
  return [...standard, ...standard.map((form) => form.replaceAll("+", "-").replaceAll("/", "_"))];
}

/** The characters that depend on nothing but these bytes, where `offset` (modulo 3) other bytes come before them. */
function base64Inside(bytes: Buffer, offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
  return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
}

function percentForms(text: string): readonly string[] {
  const component = encodeURIComponent(text);
  const strict = component.replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const form = new URLSearchParams([["", text]]).toString().slice(1);
  const upper = [component, strict, form, encodeURI(text)];
  const lower = upper.map((escaped) => escaped.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()));
  return [...upper, ...lower];
}
