import { type Clock, sleep } from "@moorage/core";

/** What a tool of the fake server has at hand besides its arguments. */
export interface FakeToolContext {
  readonly instanceId: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Path to text: the secrets that were delivered by file. */
  readonly files: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** Aborted when the caller cancels, or the connection ends. */
  readonly signal: AbortSignal;
  /** Reports progress, where the caller asked for it. */
  progress(progress: number, total?: number): void;
  /** Ends the resource as if its process had died. */
  crash(): void;
}

/** A tool's MCP result. */
export interface FakeToolResult {
  readonly content: readonly Readonly<Record<string, unknown>>[];
  readonly structuredContent?: Readonly<Record<string, unknown>>;
  readonly isError?: boolean;
}

/** A tool of the fake server. What `call` throws is answered as a JSON-RPC error. */
export interface FakeTool {
  readonly description: string;
  /** JSON Schema of the arguments; any object if left out. Arguments are not checked against it. */
  readonly inputSchema?: Readonly<Record<string, unknown>>;
  readonly annotations?: Readonly<Record<string, unknown>>;
  call(
    args: Readonly<Record<string, unknown>>,
    context: FakeToolContext,
  ): FakeToolResult | Promise<FakeToolResult>;
}

/** A result of one text. */
export function textResult(text: string, isError = false): FakeToolResult {
  const content = [{ type: "text", text }];
  return isError ? { content, isError } : { content };
}

function inputOf(types: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  const properties = Object.fromEntries(Object.entries(types).map(([name, type]) => [name, { type }]));
  return { type: "object", properties, required: Object.keys(types) };
}

/** The tools that every fake server has: those of the echo fixture that need no process, and `wait`. */
export const FAKE_TOOLS: Readonly<Record<string, FakeTool>> = {
  echo: {
    description: "Answers with the message it was given.",
    inputSchema: inputOf({ message: "string" }),
    annotations: { readOnlyHint: true, idempotentHint: true },
    call: ({ message }) => textResult(String(message)),
  },
  add: {
    description: "Adds two numbers; answers with text and structured content.",
    inputSchema: inputOf({ a: "number", b: "number" }),
    call: ({ a, b }) => {
      const sum = Number(a) + Number(b);
      return { ...textResult(String(sum)), structuredContent: { sum } };
    },
  },
  "env-names": {
    description: "Lists the names of the instance's variables as JSON, never their values.",
    call: (_args, { environment }) => textResult(JSON.stringify(Object.keys(environment).sort())),
  },
  "read-env": {
    description: "Answers with the value of one variable.",
    inputSchema: inputOf({ name: "string" }),
    call: ({ name }, { environment }) => {
      const value = environment[String(name)];
      return value === undefined ? textResult(`${name} is not set.`, true) : textResult(value);
    },
  },
  "read-secret-file": {
    description: "Answers with the content of the file that `<name>_FILE` names.",
    inputSchema: inputOf({ name: "string" }),
    call: ({ name }, { environment, files }) => {
      const text = files[environment[`${name}_FILE`] ?? ""];
      return text === undefined ? textResult(`${name}_FILE names no file.`, true) : textResult(text);
    },
  },
  fail: {
    description: "Always reports an error of the tool.",
    call: () => textResult("This tool always fails.", true),
  },
  wait: {
    description: "Answers after `ms` milliseconds of the fake provider's clock.",
    inputSchema: inputOf({ ms: "number" }),
    call: async ({ ms }, { clock, signal }) => {
      await sleep(clock, Number(ms), signal);
      return textResult(`waited ${ms}`);
    },
  },
  progress: {
    description: "Reports progress `steps` times.",
    inputSchema: inputOf({ steps: "number" }),
    call: ({ steps }, { progress }) => {
      for (let step = 1; step <= Number(steps); step++) progress(step, Number(steps));
      return textResult(`${steps} steps`);
    },
  },
  crash: {
    description: "Ends the resource, without an answer.",
    call: (_args, { crash }) => {
      crash();
      return textResult("");
    },
  },
};
