import type { DirectServer } from "./direct-stdio.ts";
import { expectAnswer } from "./http-client.ts";
import type { Target } from "./measure.ts";

/** Where the host listens, and which definition and instance the targets use. */
export interface Ground {
  readonly url: string;
  readonly serverId: string;
  readonly instanceId: string;
}

const CALLS = 2_000;

/** Starts the instance that the tool calls go to. */
export async function startInstance(url: string, serverId: string): Promise<string> {
  const answer = await expectAnswer(
    `${url}/instances`,
    { method: "POST", body: { serverId } },
    { status: 201, needle: '"state":"running"' },
  );
  return (JSON.parse(answer.body) as { id: string }).id;
}

/** The same echo at every door, and what a dashboard and a deployment do. */
export async function makeTargets(ground: Ground, direct: DirectServer): Promise<readonly Target[]> {
  const { url, instanceId, serverId } = ground;
  const session = await openSession(`${url}/instances/${instanceId}/mcp`);
  const both = (target: Omit<Target, "concurrency" | "calls">): Target[] =>
    [1, 8].map((concurrency) => ({
      ...target,
      name: `${target.name}, ${concurrency} at a time`,
      calls: CALLS,
      concurrency,
    }));
  return [
    ...both({ name: "direct stdio tool call", call: (index) => direct.call(`direct ${index}`) }),
    ...both({ name: "MCP tool call", call: session }),
    ...both({
      name: "REST tool call",
      call: async (index) => {
        const body = { arguments: { message: `rest ${index} ` } };
        const path = `${url}/instances/${instanceId}/tools/echo`;
        await expectAnswer(path, { method: "POST", body }, { status: 200, needle: `rest ${index} ` });
      },
    }),
    ...both({
      name: "list instances",
      call: async () => {
        await expectAnswer(`${url}/instances`, {}, { status: 200, needle: instanceId });
      },
    }),
    {
      name: "create and start an echo instance",
      calls: 10,
      concurrency: 1,
      call: () => comeAndGo(url, serverId),
    },
  ];
}

async function comeAndGo(url: string, serverId: string): Promise<void> {
  const id = await startInstance(url, serverId);
  await expectAnswer(`${url}/instances/${id}`, { method: "DELETE" }, { status: 204 });
}

async function openSession(url: string): Promise<(index: number) => Promise<void>> {
  const clientInfo = { name: "bench", version: "0" };
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  const opened = await expectAnswer(
    url,
    { method: "POST", body: { jsonrpc: "2.0", id: 0, method: "initialize", params } },
    { status: 200, needle: "protocolVersion" },
  );
  const headers = {
    "mcp-session-id": String(opened.headers["mcp-session-id"]),
    "mcp-protocol-version": "2025-11-25",
  };
  const body = { jsonrpc: "2.0", method: "notifications/initialized" };
  await expectAnswer(url, { method: "POST", headers, body }, { status: 202 });
  return async (index) => {
    const message = `mcp ${index} `;
    const call = {
      jsonrpc: "2.0",
      id: index + 1,
      method: "tools/call",
      params: { name: "echo", arguments: { message } },
    };
    await expectAnswer(url, { method: "POST", headers, body: call }, { status: 200, needle: message });
  };
}
