// The echo fixture's essence without any dependency: starts several times faster, for many instances and benchmarks.
import { createInterface } from "node:readline";

const noArguments = { type: "object", properties: {} };
const text = (value, isError = false) => ({
  content: [{ type: "text", text: String(value) }],
  ...(isError ? { isError: true } : {}),
});

const tools = {
  echo: {
    description: "Answers with the message it was given.",
    inputSchema: { type: "object", properties: { message: { type: "string" } }, required: ["message"] },
    annotations: { readOnlyHint: true, idempotentHint: true },
    call: ({ message }) => text(message),
  },
  add: {
    description: "Adds two numbers.",
    inputSchema: {
      type: "object",
      properties: { a: { type: "number" }, b: { type: "number" } },
      required: ["a", "b"],
    },
    call: ({ a, b }) => text(a + b),
  },
  "env-names": {
    description: "Lists the names of this process's environment variables as JSON, never their values.",
    inputSchema: noArguments,
    call: () => text(JSON.stringify(Object.keys(process.env).sort())),
  },
  "read-env": {
    description: "Answers with the value of one environment variable.",
    inputSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
    call: ({ name }) =>
      process.env[name] === undefined ? text(`${name} is not set.`, true) : text(process.env[name]),
  },
  pid: {
    description: "Answers with the process id of this server.",
    inputSchema: noArguments,
    call: () => text(process.pid),
  },
  fail: {
    description: "Always reports an error of the tool.",
    inputSchema: noArguments,
    call: () => text("This tool always fails.", true),
  },
  crash: {
    description: "Ends the process with exit code 1, without an answer.",
    inputSchema: noArguments,
    call: () => process.exit(1),
  },
};

const methods = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion: protocolVersion ?? "2025-11-25",
    capabilities: { tools: {} },
    serverInfo: { name: "fixture-echo-light", version: "1.0.0" },
  }),
  ping: () => ({}),
  "tools/list": () => ({
    tools: Object.entries(tools).map(([name, { call, ...tool }]) => ({ name, ...tool })),
  }),
  "tools/call": ({ name, arguments: args }) => {
    const tool = tools[name];
    if (tool === undefined)
      throw Object.assign(new Error(`There is no tool named "${name}".`), { code: -32602 });
    return tool.call(args ?? {});
  },
};

function answer({ id, method, params }) {
  const handle = methods[method];
  if (handle === undefined) return { id, error: { code: -32601, message: `Method not found: ${method}` } };
  try {
    return { id, result: handle(params ?? {}) };
  } catch (error) {
    return { id, error: { code: error.code ?? -32603, message: error.message } };
  }
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const message = JSON.parse(line);
  if (message.id === undefined || message.method === undefined) return;
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...answer(message) })}\n`);
});
