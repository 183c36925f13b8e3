import { MINIMUM_SECRET_LENGTH } from "./forms.ts";

/** A longer pattern is searched for in pieces, so that no comparison and no held-back text is longer than this. */
export const LONGEST_PATTERN = 128;
const PIECE = 64;

const WINDOW = MINIMUM_SECRET_LENGTH;
const BLOCK = 3;
const HASHES = 1 << 15;

/** Finds any of many patterns in a text. */
export interface Matcher {
  /** Characters of the longest pattern; 0 where there is none. */
  readonly longest: number;
  /** Tells, from left to right, of each place where a pattern starts, and where the longest one there ends. */
  scan(text: string, onMatch: (start: number, end: number) => void): void;
}

/**
 * Prepares the search for patterns of at least {@link MINIMUM_SECRET_LENGTH} characters. A window of that length moves
 * over the text, and its last three characters say how far it may jump: most of the text is never looked at. Takes time
 * linear in the text, however many patterns there are.
 */
export function createMatcher(patterns: Iterable<string>): Matcher {
  const wanted = new Set<string>();
  for (const pattern of patterns) for (const piece of piecesOf(pattern)) wanted.add(piece);
  const jumps = jumpTable(wanted);
  const lengths = lengthsByBeginning(wanted);
  return {
    longest: [...wanted].reduce((longest, { length }) => Math.max(longest, length), 0),
    scan(text, onMatch) {
      if (wanted.size === 0) return;
      for (let last = WINDOW - 1; last < text.length; ) {
        const jump = jumps[blockHash(text, last)] ?? 0;
        if (jump === 0) {
          const start = last + 1 - WINDOW;
          const length = lengths
            .get(text.slice(start, last + 1))
            ?.find((candidate) => wanted.has(text.slice(start, start + candidate)));
          if (length !== undefined) onMatch(start, start + length);
        }
        last += Math.max(jump, 1);
      }
    },
  };
}

function* piecesOf(pattern: string): Iterable<string> {
  if (pattern.length <= LONGEST_PATTERN) return yield pattern;
  for (let start = 0; start + PIECE < pattern.length; start += PIECE)
    yield pattern.slice(start, start + PIECE);
  yield pattern.slice(-PIECE);
}

/** For the last three characters of a window: how far it is at least from there to the end of a pattern's beginning. */
function jumpTable(patterns: Iterable<string>): Uint8Array {
  const jumps = new Uint8Array(HASHES).fill(WINDOW - BLOCK + 1);
  for (const pattern of patterns) {
    for (let last = BLOCK - 1; last < WINDOW; last += 1) {
      const hash = blockHash(pattern, last);
      jumps[hash] = Math.min(jumps[hash] ?? 0, WINDOW - 1 - last);
    }
  }
  return jumps;
}

function blockHash(text: string, last: number): number {
  const [first, second] = [text.charCodeAt(last - 2), text.charCodeAt(last - 1)];
  return ((first << 10) ^ (second << 5) ^ text.charCodeAt(last)) & (HASHES - 1);
}

/** The lengths of the patterns that begin with the same window, longest first. */
function lengthsByBeginning(patterns: Iterable<string>): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, Set<number>>();
  for (const pattern of patterns) {
    const beginning = pattern.slice(0, WINDOW);
    const lengths = found.get(beginning);
    if (lengths) lengths.add(pattern.length);
    else found.set(beginning, new Set([pattern.length]));
  }
  return new Map(
    [...found].map(([beginning, lengths]) => [beginning, [...lengths].sort((left, right) => right - left)]),
  );
}
