// A server that behaves: every flow of MCP in its smallest form.
import { readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { fixtureServer, serve, text } from "./shared.mjs";

const server = fixtureServer("echo");

server.registerTool(
  "echo",
  {
    description: "Answers with the message it was given.",
    inputSchema: { message: z.string() },
    annotations: { readOnlyHint: true, idempotentHint: true },
  },
  ({ message }) => text(message),
);

server.registerTool(
  "add",
  {
    description: "Adds two numbers; answers with text and structured content.",
    inputSchema: { a: z.number(), b: z.number() },
    outputSchema: { sum: z.number() },
  },
  ({ a, b }) => ({ ...text(a + b), structuredContent: { sum: a + b } }),
);

server.registerTool(
  "env-names",
  { description: "Lists the names of this process's environment variables as JSON, never their values." },
  () => text(JSON.stringify(Object.keys(process.env).sort())),
);

server.registerTool(
  "read-env",
  { description: "Answers with the value of one environment variable.", inputSchema: { name: z.string() } },
  ({ name }) => {
    const value = process.env[name];
    return value === undefined ? text(`${name} is not set.`, true) : text(value);
  },
);

server.registerTool(
  "read-secret-file",
  {
    description: "Answers with the content of the file that `<name>_FILE` names.",
    inputSchema: { name: z.string() },
  },
  async ({ name }) => {
    const path = process.env[`${name}_FILE`];
    return path === undefined
      ? text(`${name}_FILE names no file.`, true)
      : text(await readFile(path, "utf8"));
  },
);

server.registerTool("pid", { description: "Answers with the process id of this server." }, () =>
  text(process.pid),
);

server.registerTool("fail", { description: "Always reports an error of the tool." }, () =>
  text("This tool always fails.", true),
);

server.registerTool("crash", { description: "Ends the process with exit code 1, without an answer." }, () =>
  process.exit(1),
);

server.registerTool(
  "progress",
  {
    description: "Reports progress `steps` times, `delayMs` apart.",
    inputSchema: { steps: z.number().int().min(1).max(1000), delayMs: z.number().min(0).default(10) },
  },
  async ({ steps, delayMs }, { _meta, sendNotification, signal }) => {
    for (let progress = 1; progress <= steps; progress++) {
      if (_meta?.progressToken !== undefined) {
        const { progressToken } = _meta;
        const params = { progressToken, progress, total: steps, message: `step ${progress}` };
        await sendNotification({ method: "notifications/progress", params });
      }
      // Last as well: the SDK's client loses a progress that it reads together with the answer.
      await wait(delayMs, undefined, { signal });
    }
    return text(`${steps} steps`);
  },
);

server.registerTool(
  "big",
  {
    description: "Answers with a text of this many bytes.",
    inputSchema: {
      bytes: z
        .number()
        .int()
        .min(0)
        .max(64 * 1024 * 1024),
    },
  },
  ({ bytes }) => text("x".repeat(bytes)),
);

server.registerTool(
  "log",
  {
    description: "Writes one log message.",
    inputSchema: {
      level: z.enum(["debug", "info", "warning", "error"]).default("info"),
      message: z.string(),
    },
  },
  async ({ level, message }) => {
    await server.sendLoggingMessage({ level, logger: "fixture-echo", data: message });
    return text("logged");
  },
);

server.registerResource(
  "greeting",
  "fixture://greeting",
  { description: "A short text.", mimeType: "text/plain" },
  (uri) => ({ contents: [{ uri: uri.href, mimeType: "text/plain", text: "Hello from the echo fixture." }] }),
);

server.registerPrompt(
  "greet",
  { description: "Asks for a greeting.", argsSchema: { name: z.string() } },
  ({ name }) => ({ messages: [{ role: "user", content: { type: "text", text: `Say hello to ${name}.` } }] }),
);

await serve(server);
