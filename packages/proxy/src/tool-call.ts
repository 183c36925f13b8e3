import {
  type Actor,
  type Clock,
  type IdFactory,
  type Instance,
  isoTime,
  isPlatformError,
  type JsonRpcMessage,
  type ToolCallRecord,
  toPlatformError,
} from "@moorage/core";
import type { CallLog } from "./call-log.ts";
import { isObject } from "./json-rpc.ts";

/** What is known of a tool call before it is made. */
export interface ToolCallInput {
  readonly tool: string;
  readonly arguments: unknown;
  readonly actor?: Actor | undefined;
  readonly sessionId?: string | undefined;
  /** Where it is known before the call is routed. */
  readonly instance?: Instance | undefined;
}

/** What recording a tool call needs of the proxy. */
export interface ToolCallContext {
  readonly clock: Clock;
  readonly ids: IdFactory;
  readonly log: CallLog;
}

type Outcome = Pick<ToolCallRecord, "status" | "result" | "errorMessage">;

/** One tool call from its start to its record in the call log. */
export class ToolCall {
  readonly id: string;
  readonly createdAt: string;
  readonly #input: ToolCallInput;
  readonly #context: ToolCallContext;
  readonly #startedAt: number;
  #instance: Instance | undefined;
  #retries = 0;

  constructor(input: ToolCallInput, context: ToolCallContext) {
    this.#input = input;
    this.#context = context;
    this.#instance = input.instance;
    this.#startedAt = context.clock.now();
    this.id = context.ids();
    this.createdAt = isoTime(this.#startedAt);
  }

  get retries(): number {
    return this.#retries;
  }

  get durationMs(): number {
    return this.#context.clock.now() - this.#startedAt;
  }

  routed(instance: Instance): void {
    this.#instance = instance;
  }

  retried(): void {
    this.#retries += 1;
  }

  /** Records the server's reply; a result with `isError` is a failed call, a JSON-RPC error is, too. */
  replied(reply: JsonRpcMessage): ToolCallRecord["status"] {
    const result = reply.error ? null : reply.result;
    const failed = reply.error !== undefined || (isObject(result) && result.isError === true);
    const status = failed ? "failed" : "success";
    this.#record({ status, result, errorMessage: reply.error ? String(reply.error.message) : null });
    return status;
  }

  /** Records that no reply came, or none that can be used; `withdrawn` says that the caller wanted none any more. */
  failed(error: unknown, { withdrawn = false }: { readonly withdrawn?: boolean } = {}): void {
    const status = isPlatformError(error, "TIMEOUT") && !withdrawn ? "timeout" : "failed";
    const errorMessage = withdrawn ? "The caller withdrew the call." : toPlatformError(error).message;
    this.#record({ status, result: null, errorMessage });
  }

  #record(outcome: Outcome): void {
    const instance = this.#instance;
    // A call whose instance could not even be started has no owner to be recorded under.
    if (!instance) return;
    const { actor, sessionId, tool, arguments: given } = this.#input;
    this.#context.log.add({
      id: this.id,
      ownerId: instance.ownerId,
      actorId: actor?.id ?? null,
      instanceId: instance.id,
      serverId: instance.serverId,
      sessionId: sessionId ?? null,
      tool,
      arguments: given,
      ...outcome,
      durationMs: this.durationMs,
      retries: this.#retries,
      createdAt: this.createdAt,
    });
  }
}
