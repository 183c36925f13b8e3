import { describe, expect, it } from "vitest";
import { InstanceLogs, LogIntake, MAX_LOG_LINE } from "./logs.ts";

function makeLogs(options: { readonly maxBytes?: number; readonly secrets?: readonly string[] } = {}) {
  let now = 0;
  const logs = new InstanceLogs({
    clock: { now: () => now, setTimer: () => () => {} },
    maxBytes: 256 * 1024,
    secrets: [],
    ...options,
  });
  const texts = (limit = 10_000) => logs.tail(limit).map(({ text }) => text);
  return { logs, texts, advance: (milliseconds: number) => (now += milliseconds) };
}

describe("InstanceLogs", () => {
  it("gives back lines with their stream and time, the newest last", () => {
    const { logs, advance } = makeLogs();
    logs.add("stderr", Buffer.from("first\r"));
    advance(1_000);
    logs.add("stdout", Buffer.from("second \u001b[31mred"));
    expect(logs.tail(5)).toEqual([
      { at: "1970-01-01T00:00:00.000Z", stream: "stderr", text: "first" },
      { at: "1970-01-01T00:00:01.000Z", stream: "stdout", text: "second \u001b[31mred" },
    ]);
    expect(logs.tail(1)).toHaveLength(1);
    expect(logs.tail(0)).toEqual([]);
  });

  it("keeps the newest lines within its size", () => {
    const { logs, texts, advance } = makeLogs({ maxBytes: 2_000 });
    for (let line = 0; line < 100; line++) {
      advance(1);
      logs.add("stderr", Buffer.from(`line ${line}`));
    }
    expect(texts().length).toBeGreaterThan(10);
    expect(texts().length).toBeLessThan(40);
    expect(texts().at(-1)).toBe("line 99");
  });

  it("stores no secret of eight characters or more, and leaves shorter values alone", () => {
    const { logs, texts } = makeLogs({ secrets: ["sesame-open-now", "sesame-open-now-please", "short"] });
    logs.add("stderr", Buffer.from("a sesame-open-now b sesame-open-now-please c short d"));
    expect(texts()).toEqual(["a [secret] b [secret] c short d"]);
  });

  it("stores no line of a secret of several lines", () => {
    const { logs, texts } = makeLogs({ secrets: ["-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----"] });
    const intake = new LogIntake(logs, "stderr");
    intake.push(Buffer.from("-----BEGIN KEY-----\nMIIEvQIBADANBg\n"));
    expect(texts()).toEqual(["[secret]", "[secret]"]);
  });

  it("stores a secret in none of the forms in which programs write it down", () => {
    const secret = 'tok/en+"1" 234567';
    const { logs, texts } = makeLogs({ secrets: [secret] });
    const bytes = Buffer.from(secret);
    const forms = [JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)];
    forms.push(bytes.toString("base64"), bytes.toString("base64url"), bytes.toString("hex"));
    for (const form of forms) logs.add("stdout", Buffer.from(`key=${form};`));
    expect(texts()).toEqual(forms.map(() => "key=[secret];"));
  });

  it("stores no secret that comes in two chunks", () => {
    const { logs, texts } = makeLogs({ secrets: ["sesame-open-now"] });
    const intake = new LogIntake(logs, "stderr");
    intake.push(Buffer.from("a sesame-"));
    intake.push(Buffer.from("open-now b\nsesame-open"));
    intake.push(Buffer.from("-now"));
    intake.end();
    expect(texts()).toEqual(["a [secret] b", "[secret]"]);
  });

  it("stores no part of a secret where a long line is cut that becomes shorter by marks", () => {
    const secret = "0123456789abcdef".repeat(4);
    for (let shift = 0; shift < 90; shift += 1) {
      const { logs, texts } = makeLogs({ secrets: [secret] });
      logs.add("stderr", Buffer.from("-".repeat(shift) + `${secret}-`.repeat(400)));
      expect(texts()[0]).toMatch(/^-*(\[secret\]-)+/);
      expect(texts()[0], String(shift)).not.toMatch(/[0-9]/);
    }
  });

  it("stores no part of a secret where a long line is cut", () => {
    const secret = "0123456789abcdef0123456789abcdef";
    for (const before of [MAX_LOG_LINE - 1, MAX_LOG_LINE - 10, MAX_LOG_LINE - 31]) {
      const { logs, texts } = makeLogs({ secrets: [secret] });
      const intake = new LogIntake(logs, "stderr");
      intake.push(Buffer.from(`${"-".repeat(before)}${secret}${"-".repeat(50_000)}\n`));
      const [line = ""] = texts();
      expect(line).not.toMatch(/[0-9]/);
      expect(line.length).toBeLessThanOrEqual(MAX_LOG_LINE);
      expect(texts()[1]).toMatch(/^\[\d+ bytes of output were dropped here\]$/);
    }
  });
});

describe("LogIntake", () => {
  it("drops and counts what comes faster than it can be of use, and keeps the end", () => {
    const { logs, texts, advance } = makeLogs();
    const intake = new LogIntake(logs, "stderr");
    const chunk = Buffer.from("y\n".repeat(32_768));
    for (let turn = 0; turn < 1_000; turn++) intake.push(chunk);
    intake.push(Buffer.from(`${"y\n".repeat(1_000)}the reason\n`));
    advance(1);
    intake.end();
    const kept = texts();
    expect(kept.length).toBeLessThan(5_000);
    expect(kept.at(-1)).toBe("the reason");
    const dropped = kept.filter((text) => text.startsWith("[")).map((text) => Number(/\d+/.exec(text)?.[0]));
    expect(dropped.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThan(60_000_000);
  });

  it("tells no line whose beginning was lost in a flood, because it may be half a secret", () => {
    const { logs, texts, advance } = makeLogs({ secrets: ["sesame-open-now"] });
    const intake = new LogIntake(logs, "stderr");
    intake.push(Buffer.from("y\n".repeat(2_000)));
    for (const chunk of ["sesame-", "open-now", " and more"]) intake.push(Buffer.from(chunk));
    intake.flush();
    advance(200);
    intake.push(Buffer.from("-open-now again\nwhole line\n"));
    expect(texts().join("\n")).not.toMatch(/open|more|again/);
    expect(texts().at(-1)).toBe("whole line");
  });

  it("tells the end of a flood that came without a newline, if its beginning is known", () => {
    const { logs, texts } = makeLogs();
    const intake = new LogIntake(logs, "stderr");
    intake.push(Buffer.from("y\n".repeat(2_000)));
    intake.push(Buffer.from("lost\n"));
    intake.push(Buffer.from("the reason"));
    intake.end();
    expect(texts().at(-1)).toBe("the reason");
  });

  it("takes lines again as soon as the flood is over", () => {
    const { logs, texts, advance } = makeLogs();
    const intake = new LogIntake(logs, "stderr");
    for (let turn = 0; turn < 3; turn++) intake.push(Buffer.from("y\n".repeat(2_000)));
    advance(200);
    intake.push(Buffer.from("calm\n"));
    expect(texts().at(-1)).toBe("calm");
  });
});
