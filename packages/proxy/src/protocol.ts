import manifest from "../package.json" with { type: "json" };

/** The revision that the proxy asks servers for, and the newest that it speaks to clients. */
export const LATEST_PROTOCOL_VERSION = "2025-11-25";

/** Revisions that open with `initialize`, newest first; their names sort by time. */
export const PROTOCOL_VERSIONS: readonly string[] = [
  LATEST_PROTOCOL_VERSION,
  "2025-06-18",
  "2025-03-26",
  "2024-11-05",
  "2024-10-07",
];

/**
 * What the proxy says of itself when it opens a connection for all callers of an instance. It offers what any of
 * them may be able to do; a client that cannot answers so itself.
 */
export const SHARED_INITIALIZE_PARAMS = {
  protocolVersion: LATEST_PROTOCOL_VERSION,
  capabilities: { sampling: {}, elicitation: { form: {}, url: {} }, roots: {} },
  clientInfo: { name: "moorage", version: manifest.version },
} as const;

/** The revision for a client that asks for `wanted`, on a connection whose server speaks `spoken`. */
export function negotiate(wanted: unknown, spoken: string): string {
  const known = typeof wanted === "string" && PROTOCOL_VERSIONS.includes(wanted);
  return known && wanted < spoken ? wanted : spoken;
}
