import { z } from "@hono/zod-openapi";

const PLACEHOLDER = "<ACCESS_TOKEN>";

/** The answer to `GET /instances/:id/connection`: how MCP clients reach one instance. Holds no credential. */
export interface ConnectionView {
  readonly instanceId: string;
  /** The instance's Streamable HTTP endpoint. */
  readonly url: string;
  /** Headers to send, with a placeholder where an access token belongs. */
  readonly headers: Readonly<Record<string, string>>;
  /** Ready to paste, one for each client. */
  readonly snippets: {
    readonly claudeCode: string;
    readonly claudeDesktop: string;
    readonly cursor: string;
    readonly vscode: string;
    readonly mcpServers: string;
    readonly curl: string;
  };
}

/** A {@link ConnectionView}, all of it. */
export const connectionView = z
  .object({
    instanceId: z.string(),
    url: z.string(),
    headers: z.record(z.string(), z.string()),
    snippets: z.object({
      claudeCode: z.string(),
      claudeDesktop: z.string(),
      cursor: z.string(),
      vscode: z.string(),
      mcpServers: z.string(),
      curl: z.string(),
    }),
  })
  .openapi("Connection");

/** Describes the way to an instance whose MCP endpoint is at `url`. */
export function describeConnection(instance: {
  readonly id: string;
  readonly name: string;
  readonly url: string;
}): ConnectionView {
  const { id, url } = instance;
  const name = clientName(instance.name);
  const headers = { Authorization: `Bearer ${PLACEHOLDER}` };
  return {
    instanceId: id,
    url,
    headers,
    snippets: {
      claudeCode: `claude mcp add --transport http ${name} ${quote(url)} --header ${quote(`Authorization: Bearer ${PLACEHOLDER}`)}`,
      claudeDesktop: pretty({ mcpServers: { [name]: throughStdio(url) } }),
      cursor: pretty({ mcpServers: { [name]: { url, headers } } }),
      vscode: pretty({ servers: { [name]: { type: "http", url, headers } } }),
      mcpServers: pretty({ mcpServers: { [name]: { type: "http", url, headers } } }),
      curl: curlCommand(url),
    },
  };
}

/** Claude Desktop's file takes programs only, so that a small one bridges to the address. */
function throughStdio(url: string): object {
  return {
    command: "npx",
    // The header has no blank in it because the desktop client splits arguments at blanks on Windows.
    args: ["-y", "mcp-remote", url, "--header", `Authorization:\${AUTHORIZATION}`],
    env: { AUTHORIZATION: `Bearer ${PLACEHOLDER}` },
  };
}

function curlCommand(url: string): string {
  const message = {
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "curl", version: "1" },
    },
  };
  return [
    `curl -sS ${quote(url)}`,
    `-H ${quote(`Authorization: Bearer ${PLACEHOLDER}`)}`,
    "-H 'Content-Type: application/json'",
    "-H 'Accept: application/json, text/event-stream'",
    `-d ${quote(JSON.stringify(message))}`,
  ].join(" \\\n  ");
}

/** Clients take letters, digits, hyphens and underscores in a server's name. */
function clientName(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]+/g, "-").replace(/^-+|-+$/g, "") || "server";
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function pretty(value: object): string {
  return JSON.stringify(value, null, 2);
}
