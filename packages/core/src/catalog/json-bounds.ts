const MAXIMUM_DEPTH = 20;

/** Whether the value is plain JSON, at most 20 levels deep and at most `maximumLength` characters as text. */
export function isBoundedJson(value: unknown, maximumLength: number): boolean {
  return isPlainJson(value, MAXIMUM_DEPTH) && JSON.stringify(value).length <= maximumLength;
}

function isPlainJson(value: unknown, depthLeft: number): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || depthLeft === 0) return false;
  const isPlain = Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value));
  return isPlain && Object.values(value).every((member) => isPlainJson(member, depthLeft - 1));
}
