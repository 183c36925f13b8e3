const NEWLINE = 0x0a;
const EMPTY = Buffer.alloc(0);

export interface LineSplitterOptions {
  /** Bytes of a line that are kept. */
  readonly maxLineBytes: number;
  /** One line without its newline, at most `maxLineBytes` of it. `dropped`: bytes beyond that. */
  readonly onLine: (line: Buffer, dropped: number) => void;
  /** Called as soon as a line is known to be too long, before its end; it may `close` the splitter. */
  readonly onTooLong?: () => void;
}

/** Cuts a byte stream into lines. Memory and time are linear in the input, however it is cut into chunks. */
export class LineSplitter {
  readonly #options: LineSplitterOptions;
  #parts: Buffer[] = [];
  #size = 0;
  #dropped = 0;
  #closed = false;

  constructor(options: LineSplitterOptions) {
    this.#options = options;
  }

  push(chunk: Buffer): void {
    let start = 0;
    while (!this.#closed) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end === -1) break;
      this.#add(chunk.subarray(start, end));
      this.#emit();
      start = end + 1;
    }
    if (!this.#closed && start < chunk.length) this.#add(chunk.subarray(start));
  }

  /** Delivers what came after the last newline, if anything did. */
  end(): void {
    if (!this.#closed && this.#size > 0) this.#emit();
    this.close();
  }

  /** Forgets what came after the last newline. */
  reset(): void {
    this.#parts = [];
    this.#size = 0;
    this.#dropped = 0;
  }

  /** Ignores everything from now on and lets go of the memory. */
  close(): void {
    this.#closed = true;
    this.reset();
  }

  #add(part: Buffer): void {
    const room = this.#options.maxLineBytes - this.#size;
    if (part.length <= room) {
      if (part.length > 0) this.#parts.push(part);
      this.#size += part.length;
      return;
    }
    if (room > 0) this.#parts.push(part.subarray(0, room));
    this.#size += Math.max(room, 0);
    const isFirst = this.#dropped === 0;
    this.#dropped += part.length - room;
    if (isFirst) this.#options.onTooLong?.();
  }

  #emit(): void {
    if (this.#closed) return;
    const [only = EMPTY] = this.#parts;
    const line = this.#parts.length > 1 ? Buffer.concat(this.#parts, this.#size) : only;
    const dropped = this.#dropped;
    this.reset();
    this.#options.onLine(line, dropped);
  }
}
