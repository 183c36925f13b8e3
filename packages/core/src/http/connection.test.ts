import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { describeConnection } from "./connection.ts";

const url = "https://host.test/moorage/instances/i'1/mcp";
const { snippets } = describeConnection({ id: "i'1", name: "My echo (1)!", url });
const authorization = "Bearer <ACCESS_TOKEN>";

/** What a shell makes of the line: its arguments, without running any program of that name. */
function argumentsOf(line: string, program: string): string[] {
  const script = `${program}() { printf '%s\\0' "$@"; }\n${line}`;
  return execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
}

describe("snippets", () => {
  it("are command lines that a shell reads as meant, whatever the address holds", () => {
    expect(argumentsOf(snippets.claudeCode, "claude")).toEqual([
      "mcp",
      "add",
      "--transport",
      "http",
      "My-echo-1",
      url,
      "--header",
      `Authorization: ${authorization}`,
    ]);
    const curl = argumentsOf(snippets.curl, "curl");
    expect(curl).toContain(url);
    expect(JSON.parse(curl.at(-1) ?? "")).toMatchObject({ method: "initialize" });
  });

  it("are configuration files in each client's own terms", () => {
    const headers = { Authorization: authorization };
    expect(JSON.parse(snippets.cursor)).toEqual({ mcpServers: { "My-echo-1": { url, headers } } });
    expect(JSON.parse(snippets.vscode)).toEqual({ servers: { "My-echo-1": { type: "http", url, headers } } });
    expect(JSON.parse(snippets.mcpServers)).toEqual({
      mcpServers: { "My-echo-1": { type: "http", url, headers } },
    });
    expect(JSON.parse(snippets.claudeDesktop)).toMatchObject({
      mcpServers: { "My-echo-1": { command: "npx", env: { AUTHORIZATION: authorization } } },
    });
  });

  it("name a server whose name has no usable character", () => {
    expect(describeConnection({ id: "i", name: "!!!", url }).snippets.claudeCode).toContain(" server ");
  });
});
