import type { Clock } from "../clock.ts";
import { type Logger, silentLogger } from "../logger.ts";
import { redactValue } from "./redact-value.ts";
import { createRedactor, type Redactor } from "./redactor.ts";

/** Values of the launch before stay known: what it said may arrive late. */
const GENERATIONS = 2;
/** Calls that were under way when an instance was deleted are recorded a little later. */
const LINGER_MS = 60_000;

interface Known {
  readonly generations: readonly (readonly string[])[];
  /** Made when it is first needed. */
  redactor: Redactor | undefined;
}

/** The secrets that instances were launched with in this process; held in memory only, and told to nobody. */
export class SecretsInUse {
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes what an instance is launched with, before it is; the launch before is remembered, too. */
  remember(instanceId: string, values: readonly string[]): void {
    const before = this.#known.get(instanceId)?.generations ?? [];
    const isSame = before[0]?.length === values.length && values.every((value) => before[0]?.includes(value));
    if (isSame || (before.length === 0 && values.length === 0)) return;
    const generations = [values, ...before].slice(0, GENERATIONS);
    this.#known.set(instanceId, { generations, redactor: undefined });
  }

  /** Forgets a deleted instance, after a minute. */
  forget(instanceId: string): void {
    if (!this.#known.has(instanceId)) return;
    this.#clock.setTimer(() => this.#known.delete(instanceId), LINGER_MS);
  }

  /** The value without the secrets of this instance; the value itself where it holds none. */
  redact<Value>(instanceId: string, value: Value): Value {
    const known = this.#known.get(instanceId);
    return known ? redactorOf(known).value(value) : value;
  }

  /** The value without the secrets of any instance: for what cannot be said to be about one of them. */
  redactAll<Value>(value: Value): Value {
    const redactors = [...this.#known.values()].map(redactorOf);
    if (redactors.length === 0) return value;
    return redactValue(value, (text) => redactors.reduce((told, redactor) => redactor.text(told), text));
  }
}

function redactorOf(known: Known): Redactor {
  known.redactor ??= createRedactor(known.generations.flat());
  return known.redactor;
}

/** The host's logger, behind the redaction of all secrets in use: errors of servers and providers quote anything. */
export function redactingLogger(logger: Logger, secrets: SecretsInUse): Logger {
  if (logger === silentLogger) return logger;
  const through = (level: keyof Logger) => (details: object, message: string) =>
    logger[level](secrets.redactAll(details), secrets.redactAll(message));
  return {
    debug: through("debug"),
    info: through("info"),
    warn: through("warn"),
    error: through("error"),
  };
}
