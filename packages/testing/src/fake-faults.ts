import { type CallOptions, type Clock, type LaunchRequest, sleep } from "@moorage/core";

/** The calls of a provider that can be made to fail or to take long. */
export type FakeProviderMethod = "launch" | "inspect" | "stop" | "destroy" | "connect" | "list";

/** One call that the fake was asked for, in the order in which they came in. */
export interface FakeProviderCall {
  readonly method: FakeProviderMethod;
  readonly resourceId?: string;
  /** The whole request of a `launch`, resolved secrets included. */
  readonly request?: LaunchRequest;
}

interface Failure {
  readonly error: Error;
  readonly effect: boolean;
}

/** Records calls, and makes them fail or take long, before and after they do their work. */
export class FakeFaults {
  readonly calls: FakeProviderCall[] = [];
  readonly #clock: Clock;
  readonly #failures = new Map<FakeProviderMethod, Failure[]>();
  readonly #delays = new Map<FakeProviderMethod, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  failNext(method: FakeProviderMethod, failure: Failure): void {
    const queue = this.#failures.get(method) ?? [];
    queue.push(failure);
    this.#failures.set(method, queue);
  }

  delay(method: FakeProviderMethod, delayMs: number): void {
    this.#delays.set(method, delayMs);
  }

  async perform<Result>(
    call: FakeProviderCall,
    { signal }: CallOptions,
    work: () => Result,
  ): Promise<Result> {
    this.calls.push(call);
    signal?.throwIfAborted();
    const failure = this.#failures.get(call.method)?.shift();
    const delayMs = this.#delays.get(call.method) ?? 0;
    if (delayMs > 0) await sleep(this.#clock, delayMs, signal);
    if (failure !== undefined && !failure.effect) throw failure.error;
    const result = work();
    if (failure !== undefined) throw failure.error;
    return result;
  }
}
