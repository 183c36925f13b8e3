const MAX_DEPTH = 100;
const MAX_OBJECTS = 100_000;
const OMITTED = "[omitted]";

interface Walk {
  readonly redact: (text: string) => string;
  objects: number;
}

/**
 * A value with all texts in it redacted, keys of objects and messages of errors included. Whatever does not change is
 * the same object as before; instances of other classes are left as they are. What is nested more than 100 levels
 * deep, or comes after 100,000 objects, is left out.
 */
export function redactValue<Value>(value: Value, redact: (text: string) => string): Value {
  return visit(value, { redact, objects: 0 }, 0) as Value;
}

function visit(value: unknown, walk: Walk, depth: number): unknown {
  if (typeof value === "string") return walk.redact(value);
  if (typeof value !== "object" || value === null) return value;
  walk.objects += 1;
  if (depth >= MAX_DEPTH || walk.objects > MAX_OBJECTS) return OMITTED;
  if (Array.isArray(value)) return visitList(value, walk, depth);
  if (value instanceof Error) return visitError(value, walk, depth);
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? visitObject(value, walk, depth) : value;
}

function visitList(list: readonly unknown[], walk: Walk, depth: number): readonly unknown[] {
  const copy = list.map((item) => visit(item, walk, depth + 1));
  return copy.every((item, index) => Object.is(item, list[index])) ? list : copy;
}

function visitObject(object: object, walk: Walk, depth: number): object {
  let isSame = true;
  const entries = Object.entries(object).map(([key, member]) => {
    const entry = [walk.redact(key), visit(member, walk, depth + 1)] as const;
    isSame &&= entry[0] === key && Object.is(entry[1], member);
    return entry;
  });
  return isSame ? object : Object.fromEntries(entries);
}

/** An error of the same class. A cause and a stack tell as much as a message does. */
function visitError(error: Error, walk: Walk, depth: number): Error {
  const members = error as unknown as Readonly<Record<PropertyKey, unknown>>;
  const changes: PropertyDescriptorMap = {};
  for (const [key, { enumerable = false }] of Object.entries(Object.getOwnPropertyDescriptors(error))) {
    const redacted = visit(members[key], walk, depth + 1);
    if (Object.is(redacted, members[key])) continue;
    changes[key] = { value: redacted, enumerable, writable: true, configurable: true };
  }
  if (Object.keys(changes).length === 0) return error;
  const descriptors = { ...Object.getOwnPropertyDescriptors(error), ...changes };
  return Object.create(Object.getPrototypeOf(error), descriptors) as Error;
}
