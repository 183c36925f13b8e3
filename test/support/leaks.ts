import { readdirSync, readFileSync } from "node:fs";

/** Pieces this long are searched for, so that a part of a secret counts as well. */
const PIECE = 12;

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const json = JSON.stringify(secret).slice(1, -1);
  const base64 = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    return text.slice(4, -4);
  });
  return [
    secret,
    json,
    JSON.stringify(json).slice(1, -1),
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    encodeURIComponent(secret),
    new URLSearchParams({ v: secret }).toString().slice(2),
  ];
}

function piecesOf(form: string): readonly string[] {
  return Array.from({ length: Math.max(1, form.length - PIECE + 1) }, (_, at) => form.slice(at, at + PIECE));
}

/**
 * The pieces of these secrets that are found in a text or in bytes: raw, in JSON, base64, base64url, hexadecimal or
 * percent-encoded. Empty where nothing has leaked.
 */
export function leaksIn(secrets: readonly string[], where: string | Buffer): readonly string[] {
  const bytes = typeof where === "string" ? Buffer.from(where) : where;
  const pieces = new Set(secrets.flatMap(formsOf).flatMap(piecesOf));
  return [...pieces].filter((piece) => bytes.includes(piece));
}

/** The command lines of every process of this machine that can be read. */
export function commandLines(): string {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        // It ended while it was being read.
        return "";
      }
    })
    .join("\n");
}
