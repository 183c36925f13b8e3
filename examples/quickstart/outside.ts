import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from "@modelcontextprotocol/client";
import { Client as ClassicClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as ClassicTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport as ClassicTransportContract } from "@modelcontextprotocol/sdk/shared/transport.js";

/** What the tour asks of a server through an official MCP client, whichever version that is. */
export interface Visit {
  readonly tools: number;
  readonly echoed: string;
  readonly progressSeen: number;
}

/** Where a visitor goes, and with which token. */
export interface Door {
  readonly url: string;
  readonly token: string;
}

const client = { name: "moorage-quickstart", version: "1.0.0" };
const longTask = { name: "trigger-long-running-operation", arguments: { duration: 0.4, steps: 4 } };

function headersFor(door: Door): RequestInit {
  return { headers: { authorization: `Bearer ${door.token}` } };
}

/** Visits with `@modelcontextprotocol/client`, version 2 of the official SDK. */
export async function visitWithVersion2(door: Door): Promise<Visit> {
  const visitor = new ModernClient(client);
  await visitor.connect(new ModernTransport(new URL(door.url), { requestInit: headersFor(door) }));
  try {
    const { tools } = await visitor.listTools();
    const answer = await visitor.callTool({ name: "echo", arguments: { message: "hello from version 2" } });
    let progressSeen = 0;
    await visitor.callTool(longTask, { onprogress: () => progressSeen++ });
    return { tools: tools.length, echoed: textOf(answer.content), progressSeen };
  } finally {
    await visitor.close();
  }
}

/** Visits with `@modelcontextprotocol/sdk`, version 1, which most clients of the world still use. */
export async function visitWithVersion1(door: Door): Promise<Visit> {
  const visitor = new ClassicClient(client);
  const transport = new ClassicTransport(new URL(door.url), { requestInit: headersFor(door) });
  // The SDK's own class and interface disagree under `exactOptionalPropertyTypes`.
  await visitor.connect(transport as ClassicTransportContract);
  try {
    const { tools } = await visitor.listTools();
    const answer = await visitor.callTool({ name: "echo", arguments: { message: "hello from version 1" } });
    let progressSeen = 0;
    await visitor.callTool(longTask, undefined, { onprogress: () => progressSeen++ });
    return { tools: tools.length, echoed: textOf(answer.content), progressSeen };
  } finally {
    await visitor.close();
  }
}

/** The text of the first part of a tool's result. */
export function textOf(content: unknown): string {
  const [first] = Array.isArray(content) ? (content as readonly unknown[]) : [];
  if (typeof first !== "object" || first === null || !("text" in first)) return "";
  return String(first.text);
}
