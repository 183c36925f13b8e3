import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { LoggingMessageNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  FIXTURE_NAMES,
  type FixtureName,
  fixtureDefinition,
  fixtureRuntime,
  fixtureScript,
  fixtureServers,
} from "./fixtures.ts";

interface Session {
  readonly client: Client;
  readonly transport: StdioClientTransport;
  /** What the server wrote to stderr until now. */
  stderr(): string;
  /** The text of a tool's first content block. */
  call(name: string, args?: Record<string, unknown>): Promise<string>;
}

const clients: Client[] = [];

function prepare(name: FixtureName, env: Record<string, string> = {}): Session {
  const { command, args } = fixtureServers[name];
  const transport = new StdioClientTransport({ command, args: [...args], env, stderr: "pipe" });
  const client = new Client({ name: "fixtures-test", version: "1.0.0" });
  clients.push(client);
  const chunks: Buffer[] = [];
  transport.stderr?.on("data", (chunk: Buffer) => chunks.push(chunk));
  return {
    client,
    transport,
    stderr: () => Buffer.concat(chunks).toString(),
    async call(tool, toolArguments = {}) {
      const result = await client.callTool({ name: tool, arguments: toolArguments });
      const [first] = result.content as { readonly text?: string }[];
      return first?.text ?? "";
    },
  };
}

async function open(name: FixtureName, env: Record<string, string> = {}): Promise<Session> {
  const session = prepare(name, env);
  await session.client.connect(session.transport);
  return session;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

describe("fixtureServers", () => {
  it("has an existing script, a definition and a runtime for every name", () => {
    for (const name of FIXTURE_NAMES) {
      expect(existsSync(fixtureScript(name)), name).toBe(true);
      const [runnable] = fixtureDefinition(name).packages ?? [];
      expect(runnable).toMatchObject({ command: process.execPath, args: [fixtureScript(name)] });
      expect(fixtureRuntime(name)).toMatchObject({ type: "command", args: [fixtureScript(name)] });
      expect(fixtureServers[name].definition.name).toBe(`fixture-${name}`);
    }
  });

  it("lets a test replace members of a definition", () => {
    const definition = fixtureDefinition("echo", { name: "mine", visibility: "public" });
    expect(definition).toMatchObject({ name: "mine", visibility: "public" });
    expect(definition.packages).toHaveLength(1);
  });
});

describe.each(["echo", "echo-light"] as const)("%s", (name) => {
  it("echoes, adds, and reports a tool's error as a result", async () => {
    const { client, call } = await open(name);
    expect(await call("echo", { message: "hällo" })).toBe("hällo");
    expect(await call("add", { a: 2, b: 40 })).toBe("42");
    expect(await client.callTool({ name: "fail", arguments: {} })).toMatchObject({ isError: true });
    await client.ping();
  });

  it("shows its own environment", async () => {
    const { client, call } = await open(name, { GREETING: "servus" });
    expect(JSON.parse(await call("env-names"))).toContain("GREETING");
    expect(await call("read-env", { name: "GREETING" })).toBe("servus");
    const unset = await client.callTool({ name: "read-env", arguments: { name: "NO_SUCH_VARIABLE" } });
    expect(unset.isError).toBe(true);
  });

  it("tells its process id and ends with its host", async () => {
    const { client, transport, call } = await open(name);
    const pid = Number(await call("pid"));
    expect(pid).toBe(transport.pid);
    await client.close();
    expect(isAlive(pid)).toBe(false);
  });

  it("ends without an answer when it is told to crash", async () => {
    const { transport, call } = await open(name);
    const pid = transport.pid ?? 0;
    await expect(call("crash")).rejects.toThrow("Connection closed");
    expect(isAlive(pid)).toBe(false);
  });
});

describe("echo", () => {
  it("reports progress as often as it is asked to", async () => {
    const { client } = await open("echo");
    const seen: unknown[] = [];
    const request = { name: "progress", arguments: { steps: 3 } };
    await client.callTool(request, undefined, {
      onprogress: ({ progress, total }) => seen.push([progress, total]),
    });
    expect(seen).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });

  it("answers with as many bytes as it is asked for", async () => {
    const { call } = await open("echo");
    expect(await call("big", { bytes: 1_000_000 })).toHaveLength(1_000_000);
  });

  it("has structured content, a resource and a prompt", async () => {
    const { client } = await open("echo");
    const sum = await client.callTool({ name: "add", arguments: { a: 1, b: 2 } });
    expect(sum.structuredContent).toEqual({ sum: 3 });
    const { resources } = await client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual(["fixture://greeting"]);
    const { contents } = await client.readResource({ uri: "fixture://greeting" });
    expect(contents[0]).toMatchObject({ text: "Hello from the echo fixture." });
    const { messages } = await client.getPrompt({ name: "greet", arguments: { name: "Ada" } });
    expect(messages[0]?.content).toEqual({ type: "text", text: "Say hello to Ada." });
  });

  it("writes log messages from the level that was set", async () => {
    const { client, call } = await open("echo");
    const seen: unknown[] = [];
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
      seen.push(params.data);
    });
    await client.setLoggingLevel("warning");
    await call("log", { level: "info", message: "quiet" });
    await call("log", { level: "error", message: "loud" });
    await vi.waitFor(() => expect(seen).toEqual(["loud"]));
  });
});

describe("slow", () => {
  it("completes a wait, and counts a cancelled one", async () => {
    const { client, call } = await open("slow");
    expect(await call("wait", { ms: 5 })).toBe("waited 5");
    const withdrawal = new AbortController();
    const waiting = client.callTool({ name: "wait", arguments: { ms: 60_000 } }, undefined, {
      signal: withdrawal.signal,
    });
    withdrawal.abort(new Error("withdrawn"));
    await expect(waiting).rejects.toThrow("withdrawn");
    await vi.waitFor(async () =>
      expect(JSON.parse(await call("counts"))).toEqual({ running: 0, completed: 1, cancelled: 1 }),
    );
  });
});

describe("crash", () => {
  it("ends with the exit code it was told, after a line on stderr", async () => {
    const { transport, call, stderr } = await open("crash");
    const pid = transport.pid ?? 0;
    expect(await call("echo", { message: "still here" })).toBe("still here");
    await expect(call("crash", { code: 3 })).rejects.toThrow("Connection closed");
    expect(stderr()).toContain("exiting with code 3");
    expect(isAlive(pid)).toBe(false);
  });

  it("does not even start with CRASH_AT_START=1", async () => {
    const { client, transport, stderr } = prepare("crash", { CRASH_AT_START: "1" });
    await expect(client.connect(transport)).rejects.toThrow();
    await vi.waitFor(() => expect(stderr()).toContain("CRASH_AT_START is set"));
  });
});

describe("needs-env", () => {
  it("does not start without API_KEY and says so on stderr", async () => {
    const { client, transport, stderr } = prepare("needs-env");
    await expect(client.connect(transport)).rejects.toThrow();
    await vi.waitFor(() => expect(stderr()).toContain("API_KEY is required"));
  });

  it("answers with a digest of the key, never with the key", async () => {
    const { call } = await open("needs-env", { API_KEY: "correct horse" });
    const digest = createHash("sha256").update("correct horse").digest("hex");
    expect(await call("whoami")).toBe(digest.slice(0, 16));
  });
});

describe("ignores-sigterm", () => {
  it("outlives SIGTERM", async () => {
    const { transport, call, stderr } = await open("ignores-sigterm");
    const pid = transport.pid ?? 0;
    process.kill(pid, "SIGTERM");
    await vi.waitFor(() => expect(stderr()).toContain("ignoring SIGTERM"));
    expect(await call("pid")).toBe(String(pid));
    process.kill(pid, "SIGKILL");
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false));
  });

  it("outlives the end of stdin, but not its lifetime", async () => {
    const { client, transport, call } = await open("ignores-sigterm", { LIFETIME_MS: "1500" });
    const pid = Number(await call("pid"));
    const closed = client.close();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(isAlive(pid)).toBe(true);
    await closed;
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 5000 });
    expect(transport.pid).toBeNull();
  });
});

describe("chatty-stderr", () => {
  it("speaks MCP after a banner, and writes as much to stderr as it is told", async () => {
    const { client, transport, call, stderr } = prepare("chatty-stderr", { STDERR_KILOBYTES: "64" });
    const problems: Error[] = [];
    transport.onerror = (error) => problems.push(error);
    await client.connect(transport);
    await vi.waitFor(() => expect(stderr()).toHaveLength(64 * 1024));
    expect(problems.length).toBeGreaterThan(0);
    expect(await call("shout", { kilobytes: 16, oneLine: true })).toBe("wrote 16 kB");
    await vi.waitFor(() => expect(stderr()).toHaveLength(80 * 1024));
    expect(stderr().endsWith("x".repeat(16 * 1024))).toBe(true);
  });
});
