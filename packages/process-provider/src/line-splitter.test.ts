import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineSplitter } from "./line-splitter.ts";

function collect(maxLineBytes = 1_000_000) {
  const lines: string[] = [];
  const dropped: number[] = [];
  let tooLong = 0;
  const splitter = new LineSplitter({
    maxLineBytes,
    onLine: (line, bytes) => {
      lines.push(line.toString());
      dropped.push(bytes);
    },
    onTooLong: () => {
      tooLong += 1;
    },
  });
  return { splitter, lines, dropped, tooLong: () => tooLong };
}

describe("LineSplitter", () => {
  it("finds the same lines however the bytes are cut into chunks", () => {
    const text = fc.string({ unit: "binary", maxLength: 200 }).map((value) => value.replaceAll("\r", ""));
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (value, sizes) => {
        const { splitter, lines } = collect();
        const bytes = Buffer.from(value);
        for (let start = 0, turn = 0; start < bytes.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          splitter.push(bytes.subarray(start, start + size));
          start += size;
        }
        splitter.end();
        const expected = bytes.toString().split("\n");
        if (expected.at(-1) === "") expected.pop();
        expect(lines).toEqual(expected);
      }),
    );
  });

  it("keeps the beginning of a line that is too long and counts the rest", () => {
    const { splitter, lines, dropped, tooLong } = collect(4);
    for (const part of ["ab", "cdef", "gh\n", "ijkl\nmn", "\n"]) splitter.push(Buffer.from(part));
    expect(lines).toEqual(["abcd", "ijkl", "mn"]);
    expect(dropped).toEqual([4, 0, 0]);
    expect(tooLong()).toBe(1);
  });

  it("delivers nothing more once it is closed, not even the line in hand", () => {
    const lines: string[] = [];
    const splitter = new LineSplitter({
      maxLineBytes: 3,
      onLine: (line) => lines.push(line.toString()),
      onTooLong: () => splitter.close(),
    });
    splitter.push(Buffer.from("ab\nabcdef\ncd\n"));
    splitter.push(Buffer.from("ef\n"));
    splitter.end();
    expect(lines).toEqual(["ab"]);
  });

  it("forgets an unfinished line when it is reset", () => {
    const { splitter, lines } = collect();
    splitter.push(Buffer.from("half"));
    splitter.reset();
    splitter.push(Buffer.from("whole\n"));
    expect(lines).toEqual(["whole"]);
  });

  it("reads a line that comes in very many chunks in about the time of one that comes in few", () => {
    const time = (chunkBytes: number) => {
      const { splitter, lines } = collect(8 * 1024 * 1024);
      const chunk = Buffer.alloc(chunkBytes, 97);
      const start = performance.now();
      for (let bytes = 0; bytes < 4 * 1024 * 1024; bytes += chunkBytes) splitter.push(chunk);
      splitter.push(Buffer.from("\n"));
      expect(lines[0]?.length).toBe(4 * 1024 * 1024);
      return performance.now() - start;
    };
    time(65_536);
    // Quadratic copying of 65,536 chunks would move 128 GiB.
    expect(time(64)).toBeLessThan(5_000);
  });
});
