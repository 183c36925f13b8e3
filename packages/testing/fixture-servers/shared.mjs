// What the fixture servers have in common. Not a server itself.
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";

/** A server on the official SDK, version 1, that may write log messages. */
export function fixtureServer(name) {
  return new McpServer({ name: `fixture-${name}`, version: "1.0.0" }, { capabilities: { logging: {} } });
}

/** A tool's result: one text, marked as an error of the tool if `isError` is true. */
export function text(value, isError = false) {
  return { content: [{ type: "text", text: String(value) }], ...(isError ? { isError: true } : {}) };
}

/** Speaks MCP over stdin and stdout, and ends when stdin ends, as a well-behaved server does. */
export async function serve(server) {
  // The SDK's transport does not notice the end of stdin, and a timer of a tool would keep the process alive.
  process.stdin.once("end", () => process.exit(0));
  await server.connect(new StdioServerTransport());
}

/** Says why on stderr, waits until that is written, and ends the process with exit code 1. */
export async function giveUp(reason) {
  await new Promise((resolve) => process.stderr.write(`${reason}\n`, resolve));
  process.exit(1);
}
