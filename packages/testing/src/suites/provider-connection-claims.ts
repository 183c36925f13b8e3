import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import type { Transport as SdkTransport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { isPlatformError } from "@moorage/core";
import { expect } from "vitest";
import { textOf } from "./mcp-peer.ts";
import { echo, type ProviderClaimCheck } from "./provider-claim.ts";

const isUnavailable = (error: unknown) => isPlatformError(error, "UPSTREAM_UNAVAILABLE");

/** What the connections to a resource do. */
export const connectionClaims = {
  "connects: initialize, tools/list and tools/call pass": async ({ launch, open }) => {
    const peer = await open((await launch()).id);
    const listed = await peer.request({ id: 1, method: "tools/list" });
    const { tools } = listed.result as { readonly tools: readonly { readonly name: string }[] };
    expect(tools.map(({ name }) => name)).toContain("echo");
    expect(await peer.callTool("echo", { message: "Grüße, 世界" })).toBe("Grüße, 世界");
  },

  "passes a tool's error as a result": async ({ launch, open }) => {
    const peer = await open((await launch()).id);
    const params = { name: "fail", arguments: {} };
    const answer = await peer.request({ id: 1, method: "tools/call", params });
    expect(answer).toMatchObject({ id: 1, result: { isError: true } });
  },

  "answers a hundred concurrent calls, each with its own reply": async ({ launch, open }) => {
    const peer = await open((await launch()).id);
    const numbers = Array.from({ length: 100 }, (_, index) => index + 1);
    const answers = await Promise.all(numbers.map((number) => echo(peer, number, `message ${number}`)));
    expect(answers.map(textOf)).toEqual(numbers.map((number) => `message ${number}`));
  },

  "passes a large message whole": async ({ launch, open }) => {
    const peer = await open((await launch()).id);
    const message = "0123456789abcdef".repeat(64 * 1024);
    expect(await peer.callTool("echo", { message })).toBe(message);
  },

  "keeps two connections apart, even with equal ids": async ({ launch, open }) => {
    const { id } = await launch();
    const [left, right] = [await open(id), await open(id)];
    const ids = [1, 2, 3, 4, 5];
    const [leftAnswers, rightAnswers] = await Promise.all([
      Promise.all(ids.map((number) => echo(left, number, `left ${number}`))),
      Promise.all(ids.map((number) => echo(right, number, `right ${number}`))),
    ]);
    expect(leftAnswers.map(textOf)).toEqual(ids.map((number) => `left ${number}`));
    expect(rightAnswers.map(textOf)).toEqual(ids.map((number) => `right ${number}`));
    // The answer to initialize, and one per call: nothing of the other's.
    expect([left.received.length, right.received.length]).toEqual([6, 6]);
  },

  "leaves the other connections open when one is closed": async ({ launch, open }) => {
    const { id } = await launch();
    const [left, right] = [await open(id), await open(id)];
    await left.transport.close();
    expect(await right.callTool("echo", { message: "still here" })).toBe("still here");
  },

  "calls onclose once, and rejects what is sent after the end": async ({ launch, open }) => {
    const peer = await open((await launch()).id);
    await peer.transport.close();
    await peer.closed;
    await peer.transport.close();
    expect(peer.closeCount()).toBe(1);
    await expect(peer.transport.send({ jsonrpc: "2.0", id: 9, method: "ping" })).rejects.toThrow();
  },

  "ends its connections when the resource is stopped": async ({ provider, launch, open }) => {
    const { id } = await launch();
    const peer = await open(id);
    await provider.stop(id);
    await peer.closed;
    expect(peer.closeCount()).toBe(1);
    await expect(peer.transport.send({ jsonrpc: "2.0", id: 9, method: "ping" })).rejects.toThrow();
  },

  "ends its connections when the resource dies": async ({ launch, open }) => {
    const peer = await open((await launch()).id);
    await expect(peer.callTool("crash")).rejects.toThrow();
    await peer.closed;
    expect(peer.closeCount()).toBe(1);
  },

  "rejects a connection to what is stopped or unknown with UPSTREAM_UNAVAILABLE": async ({
    provider,
    launch,
  }) => {
    const { id } = await launch();
    await provider.stop(id);
    await expect(provider.connect(id)).rejects.toSatisfy(isUnavailable);
    await expect(provider.connect("no-such-resource")).rejects.toSatisfy(isUnavailable);
  },

  "opens no connection for a caller who has withdrawn": async ({ provider, launch }) => {
    const { id } = await launch();
    const signal = AbortSignal.abort(new Error("withdrawn"));
    await expect(provider.connect(id, { signal })).rejects.toThrow();
  },

  "gives a transport that the official SDK's client can use": async ({ provider, launch }) => {
    const { id } = await launch();
    const client = new Client({ name: "moorage-suite", version: "1.0.0" });
    // Structurally the same; the SDK only types its messages more narrowly.
    await client.connect((await provider.connect(id)) as unknown as SdkTransport);
    try {
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name)).toContain("echo");
      const answer = await client.callTool({ name: "echo", arguments: { message: "through the SDK" } });
      expect(answer.content).toEqual([{ type: "text", text: "through the SDK" }]);
    } finally {
      await client.close();
    }
  },
} satisfies Record<string, ProviderClaimCheck>;
