/** How many levels deep JSON from outside may be. */
export const MAX_JSON_DEPTH = 64;
/** How many values, those inside others included, JSON from outside may have. */
export const MAX_JSON_NODES = 100_000;

/**
 * Says in words why a value is too deep or has too many members, or returns undefined. Looks at no more than it must,
 * and without recursion, so that the value itself cannot exhaust the stack.
 */
export function exceedsJsonBounds(value: unknown): string | undefined {
  const stack: { readonly value: object; readonly depth: number }[] = [];
  let nodes = 0;
  const visit = (child: unknown, depth: number): void => {
    nodes += 1;
    if (typeof child === "object" && child !== null) stack.push({ value: child, depth });
  };
  visit(value, 1);
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (next.depth > MAX_JSON_DEPTH) return `is nested more than ${MAX_JSON_DEPTH} levels deep`;
    const children = Array.isArray(next.value) ? next.value : Object.values(next.value);
    if (nodes + children.length > MAX_JSON_NODES) return `has more than ${MAX_JSON_NODES} values`;
    for (const child of children) visit(child, next.depth + 1);
  }
  return undefined;
}

/** About how many bytes the value takes as JSON: one per character of text. Far cheaper than writing it. */
export function approximateJsonBytes(value: unknown): number {
  const stack: unknown[] = [value];
  let bytes = 0;
  while (stack.length > 0) {
    const next = stack.pop();
    bytes += 2;
    if (typeof next === "string") bytes += next.length;
    else if (typeof next !== "object" || next === null) bytes += 4;
    else if (Array.isArray(next)) for (const item of next) stack.push(item);
    else
      for (const [key, member] of Object.entries(next)) {
        bytes += key.length + 3;
        stack.push(member);
      }
  }
  return bytes;
}
