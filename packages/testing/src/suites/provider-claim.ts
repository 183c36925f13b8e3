import type { JsonRpcMessage, LaunchRequest, Provider, Resource } from "@moorage/core";
import { expect, vi } from "vitest";
import { MISSING_PROGRAM } from "../fixtures.ts";
import { type McpPeer, openPeer } from "./mcp-peer.ts";

/** What a claim about a provider is checked with. */
export interface ProviderBench {
  readonly provider: Provider;
  /** A launch request for a server that answers as the echo fixture. */
  request(overrides?: Partial<LaunchRequest>): LaunchRequest;
  /** Launches, and expects it to run. */
  launch(overrides?: Partial<LaunchRequest>): Promise<Resource>;
  /** Connects and initialises; closed when the claim has been checked. */
  open(resourceId: string): Promise<McpPeer>;
  /** Marks the claim as skipped, for a capability the provider does not have. */
  skip(reason: string): never;
}

/** Checks one claim; rejects where it does not hold. */
export type ProviderClaimCheck = (bench: ProviderBench) => Promise<void>;

/** Builds a bench; `close` ends the connections that the claim opened. */
export function providerBench(parts: {
  readonly provider: Provider;
  readonly request: (overrides: Partial<LaunchRequest>) => LaunchRequest;
  readonly skip: (reason: string) => never;
}): { readonly bench: ProviderBench; close(): Promise<void> } {
  const peers: McpPeer[] = [];
  const request = (overrides: Partial<LaunchRequest> = {}) => parts.request(overrides);
  const bench: ProviderBench = {
    provider: parts.provider,
    request,
    async launch(overrides) {
      const resource = await parts.provider.launch(request(overrides));
      expect(resource.state).toBe("running");
      return resource;
    },
    async open(resourceId) {
      const peer = await openPeer(await parts.provider.connect(resourceId));
      peers.push(peer);
      return peer;
    },
    skip: parts.skip,
  };
  const close = async () => {
    await Promise.allSettled(peers.map(({ transport }) => transport.close()));
  };
  return { bench, close };
}

/** The same launch request, but for a program, package or image that does not exist. */
export function missingProgram(request: LaunchRequest): LaunchRequest {
  const { runtime } = request;
  const missing = runtime.type === "command" ? { command: MISSING_PROGRAM } : { identifier: MISSING_PROGRAM };
  return { ...request, runtime: { ...runtime, ...missing } };
}

/** Waits until the provider no longer calls the resource running; real ends take a moment to be noticed. */
export async function untilEnded(provider: Provider, resourceId: string): Promise<Resource> {
  return vi.waitFor(
    async () => {
      const resource = await provider.inspect(resourceId);
      expect(["running", "starting"]).not.toContain(resource.state);
      return resource;
    },
    { timeout: 10_000, interval: 50 },
  );
}

/** Sends a `tools/call` of `echo` under an id of the caller's choice. */
export function echo(peer: McpPeer, id: number, message: string): Promise<JsonRpcMessage> {
  return peer.request({ id, method: "tools/call", params: { name: "echo", arguments: { message } } });
}
