import type { Matcher } from "./matcher.ts";

/** Stands where a secret stood. */
export const SECRET_MARK = "[secret]";

/** Redacts a text that comes in chunks: what is given back never holds a secret, however it was cut. */
export interface StreamRedactor {
  /** Takes the next chunk; gives back what can be told by now, all but the last 127 characters or fewer. */
  push(chunk: string): string;
  /** Gives back the rest, and is ready for another text. */
  end(): string;
}

/** Makes a {@link StreamRedactor}. What it gives back, put together, is what redacting the whole at once would be. */
export function createStreamRedactor(matcher: Matcher): StreamRedactor {
  let held = "";
  // Up to here a mark that was given back already stands for `held`; -1: what was given back ends without a mark.
  let marked = -1;

  /** Gives back what lies before `until`; a secret that starts there is known to its end. */
  const take = (text: string, until: number): string => {
    let told = "";
    matcher.scan(text, (start, end) => {
      if (start >= until) return;
      if (start > marked) told += text.slice(Math.max(marked, 0), start) + SECRET_MARK;
      marked = Math.max(marked, end);
    });
    if (marked < until) {
      told += text.slice(Math.max(marked, 0), until);
      marked = -1;
    } else {
      marked -= until;
    }
    held = text.slice(until);
    return told;
  };

  return {
    push(chunk) {
      const text = held + chunk;
      return take(text, Math.max(0, text.length + 1 - Math.max(matcher.longest, 1)));
    },
    end() {
      const told = take(held, held.length);
      marked = -1;
      return told;
    },
  };
}
