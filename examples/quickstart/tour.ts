const colours = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (code: number, text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);

export const dim = (text: string) => paint(2, text);
export const bold = (text: string) => paint(1, text);
const green = (text: string) => paint(32, text);
const red = (text: string) => paint(31, text);

/** Prints a line of the tour. */
export function say(text = ""): void {
  process.stdout.write(`${text}\n`);
}

/** Prints the heading of a chapter. */
export function chapter(title: string): void {
  say(`\n${bold(title)}`);
}

/** What a step hands on, and what it wants to show below its tick. */
export interface Step<Result> {
  readonly result: Result;
  readonly shows?: readonly string[];
}

/** Runs one step, then prints its tick, its title and the time it took; or a cross, and gives the error on. */
export async function step<Result>(title: string, work: () => Promise<Step<Result>>): Promise<Result> {
  const startedAt = performance.now();
  try {
    const { result, shows = [] } = await work();
    const took = `${Math.round(performance.now() - startedAt)} ms`;
    say(`  ${green("✓")} ${title.padEnd(62)} ${dim(took.padStart(8))}`);
    for (const line of shows) say(`      ${line}`);
    return result;
  } catch (error) {
    say(`  ${red("✗")} ${title}`);
    throw error;
  }
}

/** Shows progress where it happens: one line that grows, or a bar that moves on a terminal. */
export function showProgress(done: number, total: number): void {
  const width = 24;
  const filled = Math.round((done / total) * width);
  const bar = `      ${"█".repeat(filled)}${dim("░".repeat(width - filled))} ${done} of ${total}`;
  if (colours) process.stdout.write(`\r${bar}${done === total ? "\r\u001b[K" : ""}`);
  else say(bar);
}

/** Rows under their headings, each column as wide as its widest cell. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [dim(line(headings)), ...rows.map(line)];
}
