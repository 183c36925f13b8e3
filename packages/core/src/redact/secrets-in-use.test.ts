import { beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../clock.ts";
import { type Logger, silentLogger } from "../logger.ts";
import { redactingLogger, SecretsInUse } from "./secrets-in-use.ts";

const timers: { readonly callback: () => void; readonly delayMs: number }[] = [];
const clock: Clock = {
  now: () => 0,
  setTimer: (callback, delayMs) => {
    timers.push({ callback, delayMs });
    return () => {};
  },
};

let secrets: SecretsInUse;
beforeEach(() => {
  timers.length = 0;
  secrets = new SecretsInUse(clock);
});

describe("the secrets of an instance", () => {
  it("are taken out of what is said about it, and about no other", () => {
    secrets.remember("one", ["first-secret"]);
    secrets.remember("two", ["second-secret"]);
    const said = { text: "first-secret second-secret" };
    expect(secrets.redact("one", said)).toEqual({ text: "[secret] second-secret" });
    expect(secrets.redact("two", said)).toEqual({ text: "first-secret [secret]" });
    expect(secrets.redact("three", said)).toBe(said);
    expect(secrets.redactAll(said)).toEqual({ text: "[secret] [secret]" });
  });

  it("stay known for one launch with others, and no longer", () => {
    secrets.remember("one", ["first-secret"]);
    secrets.remember("one", ["second-secret"]);
    secrets.remember("one", ["second-secret"]);
    expect(secrets.redact("one", "first-secret second-secret")).toBe("[secret] [secret]");
    secrets.remember("one", []);
    expect(secrets.redact("one", "first-secret second-secret")).toBe("first-secret [secret]");
  });

  it("are known at once where an instance that had none gets some", () => {
    secrets.remember("one", []);
    expect(secrets.redact("one", "first-secret")).toBe("first-secret");
    secrets.remember("one", ["first-secret"]);
    expect(secrets.redact("one", "first-secret")).toBe("[secret]");
  });

  it("are forgotten a minute after it was deleted", () => {
    secrets.remember("one", ["first-secret"]);
    secrets.forget("one");
    secrets.forget("unknown");
    expect(secrets.redact("one", "first-secret")).toBe("[secret]");
    expect(timers.map(({ delayMs }) => delayMs)).toEqual([60_000]);
    timers[0]?.callback();
    expect(secrets.redact("one", "first-secret")).toBe("first-secret");
  });
});

describe("the logger behind the redaction", () => {
  it("is told nothing of any instance's secrets, at no level", () => {
    const heard: unknown[] = [];
    const hear = (details: object, message: string) => void heard.push({ details, message });
    const logger: Logger = { debug: hear, info: hear, warn: hear, error: hear };
    const redacting = redactingLogger(logger, secrets);
    secrets.remember("one", ["first-secret"]);
    const error = new Error("it ended: first-secret");
    for (const level of ["debug", "info", "warn", "error"] as const) {
      redacting[level]({ error, list: ["first-secret"] }, "about first-secret");
    }
    expect(heard).toHaveLength(4);
    for (const one of heard) {
      expect(one).toMatchObject({
        details: { error: { message: "it ended: [secret]" }, list: ["[secret]"] },
        message: "about [secret]",
      });
    }
  });

  it("costs nothing where nobody listens", () => {
    expect(redactingLogger(silentLogger, secrets)).toBe(silentLogger);
  });
});
