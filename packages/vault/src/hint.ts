const SHORTEST_WITH_HINT = 12;
const SHOWN = 4;

/**
 * The last four characters of a value, by which a person knows it again; null where the value is shorter than
 * twelve characters, has more than one line, or holds control characters.
 */
export function hintOf(value: string): string | null {
  const characters = Array.from(value);
  if (characters.length < SHORTEST_WITH_HINT || /[\p{Cc}\u2028\u2029]/u.test(value)) return null;
  return characters.slice(-SHOWN).join("");
}
