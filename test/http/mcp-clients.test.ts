import { createRequire } from "node:module";
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import type { Isolation, Provider } from "@moorage/core";
import { processProvider } from "@moorage/process-provider";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ProxyEndpoint, startProxyEndpoint } from "./proxy-endpoint.ts";

const EVERYTHING = createRequire(import.meta.url).resolve(
  "@modelcontextprotocol/server-everything/dist/index.js",
);
const INFO = { name: "test", version: "1.0.0" };
const CAPABILITIES = { sampling: {}, elicitation: { form: {} }, roots: { listChanged: true } };
const SAMPLED = { role: "assistant", content: { type: "text", text: "sampled!" }, model: "none" } as const;
const ELICITED = { action: "accept", content: { name: "Ada", check: true } } as const;
const ROOTS = { roots: [{ uri: "file:///anchor", name: "anchor" }] };

/** What the test needs of a client, whichever SDK it is from. */
interface Peer {
  readonly sessionId: string;
  readonly heard: { readonly method: string; readonly params: unknown }[];
  callTool(
    name: string,
    given?: Record<string, unknown>,
    options?: CallSettings,
  ): Promise<{ readonly content?: unknown }>;
  readonly client: Pick<
    ClientV2,
    | "close"
    | "complete"
    | "getInstructions"
    | "getPrompt"
    | "getServerCapabilities"
    | "getServerVersion"
    | "listPrompts"
    | "listResources"
    | "listResourceTemplates"
    | "listTools"
    | "ping"
    | "readResource"
    | "setLoggingLevel"
    | "subscribeResource"
    | "unsubscribeResource"
  >;
}

interface CallSettings {
  readonly signal?: AbortSignal;
  readonly onprogress?: (progress: { readonly progress: number }) => void;
}

type Open = (url: URL, token: string) => Promise<Peer>;

function transportOptions(token: string) {
  return { requestInit: { headers: { authorization: `Bearer ${token}` } } };
}

async function openV1(url: URL, token: string): Promise<Peer> {
  const client = new ClientV1(INFO, { capabilities: CAPABILITIES });
  const heard: { method: string; params: unknown }[] = [];
  client.setRequestHandler(CreateMessageRequestSchema, async () => SAMPLED);
  client.setRequestHandler(ElicitRequestSchema, async () => ELICITED);
  client.setRequestHandler(ListRootsRequestSchema, async () => ROOTS);
  client.setNotificationHandler(
    LoggingMessageNotificationSchema,
    (message) => void heard.push(message as never),
  );
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, (message) => void heard.push(message));
  client.setNotificationHandler(
    ToolListChangedNotificationSchema,
    (message) => void heard.push(message as never),
  );
  const transport = new TransportV1(url, transportOptions(token));
  await client.connect(transport as never);
  const callTool: Peer["callTool"] = async (name, given = {}, options = {}) => {
    const { content } = await client.callTool({ name, arguments: given }, undefined, options as never);
    return { content };
  };
  return { heard, callTool, sessionId: transport.sessionId ?? "", client: client as never };
}

async function openV2(url: URL, token: string): Promise<Peer> {
  const client = new ClientV2(INFO, { capabilities: CAPABILITIES });
  const heard: { method: string; params: unknown }[] = [];
  client.setRequestHandler("sampling/createMessage", async () => SAMPLED);
  client.setRequestHandler("elicitation/create", async () => ELICITED);
  client.setRequestHandler("roots/list", async () => ROOTS);
  for (const method of ["message", "resources/updated", "tools/list_changed"] as const) {
    client.setNotificationHandler(`notifications/${method}`, (message) => void heard.push(message as never));
  }
  const transport = new TransportV2(url, transportOptions(token));
  await client.connect(transport);
  const callTool: Peer["callTool"] = (name, given = {}, options = {}) =>
    client.callTool({ name, arguments: given }, options as never);
  return { heard, callTool, sessionId: transport.sessionId ?? "", client };
}

let provider: Provider;
let endpoint: ProxyEndpoint | undefined;
let peers: Peer[] = [];

beforeEach(() => {
  // This server never ends by itself.
  provider = processProvider({ stopGraceMs: 100 });
});

afterEach(async () => {
  for (const peer of peers) await peer.client.close().catch(() => {});
  peers = [];
  await endpoint?.close();
  endpoint = undefined;
  await provider.close?.();
});

async function start(isolation: Isolation): Promise<ProxyEndpoint> {
  const runtime = {
    type: "command",
    transport: "stdio",
    command: process.execPath,
    args: [EVERYTHING, "stdio"],
  } as const;
  const resource = await provider.launch({
    instanceId: "one",
    generation: 1,
    ownerId: "alice",
    runtime,
    environment: {},
  });
  endpoint = await startProxyEndpoint({ isolation, connect: () => provider.connect(resource.id) });
  return endpoint;
}

async function opened(open: Open, target: ProxyEndpoint, token = "alice-token"): Promise<Peer> {
  const peer = await open(target.url, token);
  peers.push(peer);
  return peer;
}

function textOf(result: { readonly content?: unknown }): string {
  return (result.content as { text?: string }[]).map(({ text }) => text).join("\n");
}

const heardOf = (peer: Peer, method: string) => peer.heard.filter((message) => message.method === method);

const within5s = { timeout: 5_000, interval: 20 };

describe.each<[string, Open]>([
  ["v1", openV1],
  ["v2", openV2],
])("the official client %s", (_, open) => {
  describe.each<Isolation>(["shared", "session"])("with %s isolation", (isolation) => {
    it("sees the server as it is: its name, instructions, 17 tools, resources, templates, prompts, completion", async () => {
      const { client, callTool } = await opened(open, await start(isolation));
      expect(client.getServerVersion()).toMatchObject({ name: "mcp-servers/everything", version: "2.0.0" });
      expect(client.getServerCapabilities()).toMatchObject({
        tools: { listChanged: true },
        logging: {},
        tasks: { list: {} },
      });
      expect(client.getInstructions()).toContain("Everything");
      const { tools } = await client.listTools();
      // Its tool for elicitation by URL is offered only to those who can do that; the shared connection says it can.
      expect(tools).toHaveLength(isolation === "shared" ? 17 : 16);
      expect(textOf(await callTool("echo", { message: "ahoy" }))).toBe("Echo: ahoy");
      expect(textOf(await callTool("get-sum", { a: 2, b: 40 }))).toContain("42");
      const { resources } = await client.listResources();
      const { contents } = await client.readResource({ uri: resources[0]?.uri ?? "" });
      expect(contents).toHaveLength(1);
      expect((await client.listResourceTemplates()).resourceTemplates.length).toBeGreaterThan(0);
      const { prompts } = await client.listPrompts();
      expect(prompts.map(({ name }) => name)).toContain("args-prompt");
      const prompt = await client.getPrompt({ name: "args-prompt", arguments: { city: "Hamburg" } });
      expect(JSON.stringify(prompt.messages)).toContain("Hamburg");
      const completed = await client.complete({
        ref: { type: "ref/prompt", name: "completable-prompt" },
        argument: { name: "department", value: "E" },
      });
      expect(completed.completion.values).toContain("Engineering");
      await client.ping();
    });

    it("gets progress, and answers sampling and elicitation while its call is under way", async () => {
      const target = await start(isolation);
      const { callTool } = await opened(open, target);
      const steps: number[] = [];
      const onprogress = ({ progress }: { readonly progress: number }) => void steps.push(progress);
      await callTool("trigger-long-running-operation", { duration: 0.2, steps: 4 }, { onprogress });
      expect(steps).toEqual([1, 2, 3, 4]);
      expect(textOf(await callTool("trigger-sampling-request", { prompt: "?" }))).toContain("sampled!");
      expect(textOf(await callTool("trigger-elicitation-request"))).toContain("Name: Ada");
      await target.proxy.flush();
      expect(target.records.map(({ tool, status }) => [tool, status])).toEqual([
        ["trigger-long-running-operation", "success"],
        ["trigger-sampling-request", "success"],
        ["trigger-elicitation-request", "success"],
      ]);
    });

    it("gets log messages and resource updates", async () => {
      const peer = await opened(open, await start(isolation));
      await peer.client.setLoggingLevel("debug");
      const uri = "demo://resource/dynamic/text/1";
      await peer.client.subscribeResource({ uri });
      await vi.waitFor(
        () => expect(JSON.stringify(heardOf(peer, "notifications/message"))).toContain(uri),
        within5s,
      );
      await peer.callTool("toggle-subscriber-updates");
      await vi.waitFor(
        () =>
          expect(heardOf(peer, "notifications/resources/updated")).toContainEqual(
            expect.objectContaining({ params: { uri } }),
          ),
        within5s,
      );
      await peer.client.unsubscribeResource({ uri });
      await peer.callTool("toggle-subscriber-updates");
    });

    it("cancels a call, and the next one is served", async () => {
      const target = await start(isolation);
      const { callTool } = await opened(open, target);
      const controller = new AbortController();
      const started = vi.fn(() => controller.abort(new Error("enough")));
      const settings = { signal: controller.signal, onprogress: started };
      await expect(
        callTool("trigger-long-running-operation", { duration: 60, steps: 3_000 }, settings),
      ).rejects.toThrow();
      await vi.waitFor(() => expect(target.proxy.inFlight("one")).toBe(0), within5s);
      expect(textOf(await callTool("echo", { message: "next" }))).toBe("Echo: next");
      await target.proxy.flush();
      expect(target.records).toMatchObject([
        { status: "failed", errorMessage: "The caller withdrew the call." },
        { status: "success", sessionId: expect.any(String) },
      ]);
    });
  });

  it("gives its roots to a server of its own, and hears that the list of tools changed", async () => {
    const peer = await opened(open, await start("session"));
    await vi.waitFor(
      () => expect(heardOf(peer, "notifications/tools/list_changed")).not.toEqual([]),
      within5s,
    );
    expect(textOf(await peer.callTool("get-roots-list"))).toContain("file:///anchor");
  });

  it("cannot use another user's session", async () => {
    const target = await start("shared");
    const { sessionId, callTool } = await opened(open, target);
    const headers = { authorization: "Bearer bob-token", "mcp-session-id": sessionId };
    expect((await fetch(target.url, { method: "DELETE", headers })).status).toBe(404);
    expect(textOf(await callTool("echo", { message: "still here" }))).toBe("Echo: still here");
    const bob = await opened(open, target, "bob-token");
    expect(textOf(await bob.callTool("echo", { message: "bob" }))).toBe("Echo: bob");
  });
});

it("a client that would rather speak 2026-07-28 falls back to 2025-11-25", async () => {
  const target = await start("shared");
  const client = new ClientV2(INFO, { versionNegotiation: { mode: "auto" } });
  await client.connect(new TransportV2(target.url, transportOptions("alice-token")));
  expect(client.getProtocolEra()).toBe("legacy");
  expect(textOf(await client.callTool({ name: "echo", arguments: { message: "both" } }))).toBe("Echo: both");
  await client.close();
});

it("eight clients of both kinds share one process, each with its own progress", async () => {
  const target = await start("shared");
  const all = await Promise.all(
    Array.from({ length: 8 }, (_, index) => opened(index % 2 ? openV1 : openV2, target)),
  );
  const results = await Promise.all(
    all.flatMap(({ callTool }, name) =>
      Array.from({ length: 10 }, async (_, turn) => {
        const steps: number[] = [];
        const onprogress = ({ progress }: { readonly progress: number }) => void steps.push(progress);
        const message = `${name}/${turn}`;
        const [echoed] = await Promise.all([
          callTool("echo", { message }),
          callTool("trigger-long-running-operation", { duration: 0.05, steps: turn + 1 }, { onprogress }),
        ]);
        return (
          textOf(echoed) === `Echo: ${message}` &&
          steps.join() === Array.from({ length: turn + 1 }, (_, step) => step + 1).join()
        );
      }),
    ),
  );
  expect(results).toEqual(new Array(80).fill(true));
  expect((await provider.list?.())?.length).toBe(1);
});
