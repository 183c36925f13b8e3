import { type JsonRpcMessage, type LaunchRequest, PlatformError, type Resource } from "@moorage/core";
import { describe, expect, it, vi } from "vitest";
import { fakeClock } from "./fake-clock.ts";
import { fakeProvider } from "./fake-provider.ts";
import type { FakeProvider } from "./fake-provider-types.ts";
import { textResult } from "./fake-tools.ts";
import { fixtureRuntime } from "./fixtures.ts";
import { type McpPeer, openPeer } from "./suites/mcp-peer.ts";

function request(overrides: Partial<LaunchRequest> = {}): LaunchRequest {
  return {
    instanceId: "instance-1",
    generation: 1,
    ownerId: "owner",
    runtime: fixtureRuntime("echo"),
    environment: {},
    ...overrides,
  };
}

async function peerOf(provider: FakeProvider): Promise<McpPeer> {
  const { id } = await provider.launch(request());
  return openPeer(await provider.connect(id));
}

const lost = new PlatformError("UPSTREAM_FAILED", "The answer got lost.");

describe("faults", () => {
  it("fails the next call only, and without effect", async () => {
    const provider = fakeProvider();
    provider.failNext("launch", lost);
    await expect(provider.launch(request())).rejects.toBe(lost);
    expect(await provider.list()).toEqual([]);
    expect((await provider.launch(request())).state).toBe("running");
  });

  it("does the work first where only the answer is lost", async () => {
    const provider = fakeProvider();
    provider.failNext("launch", lost, { effect: true });
    await expect(provider.launch(request())).rejects.toBe(lost);
    expect(await provider.list()).toHaveLength(1);
    await provider.launch(request());
    expect(await provider.list()).toHaveLength(1);
  });

  it("queues failures of each method apart", async () => {
    const provider = fakeProvider();
    const second = new Error("second");
    provider.failNext("inspect", lost);
    provider.failNext("inspect", second);
    await provider.launch(request());
    await expect(provider.inspect("x")).rejects.toBe(lost);
    await expect(provider.inspect("x")).rejects.toBe(second);
    expect((await provider.inspect("x")).state).toBe("absent");
  });

  it("delays calls on its clock, until told otherwise", async () => {
    const clock = fakeClock();
    const provider = fakeProvider({ clock });
    provider.delay("launch", 500);
    let launched = false;
    const launching = provider.launch(request()).then(() => {
      launched = true;
    });
    await clock.advance(499);
    expect(launched).toBe(false);
    await clock.advance(1);
    await launching;
    provider.delay("launch", 0);
    await provider.launch(request({ generation: 2 }));
    expect(clock.timers).toBe(0);
  });

  it("gives up a delayed call when the caller withdraws, and does nothing", async () => {
    const provider = fakeProvider({ clock: fakeClock() });
    provider.delay("launch", 500);
    const withdrawal = new AbortController();
    const launching = provider.launch(request(), { signal: withdrawal.signal });
    withdrawal.abort(new Error("withdrawn"));
    await expect(launching).rejects.toThrow("withdrawn");
    expect(await provider.list()).toEqual([]);
  });

  it("crashes on demand: failed, told, its connections ended", async () => {
    const provider = fakeProvider();
    const told: Resource[] = [];
    provider.subscribe((resource) => told.push(resource));
    const peer = await peerOf(provider);
    provider.crash("instance-1", "Exited with code 139.");
    await peer.closed;
    expect(told).toMatchObject([{ state: "failed", message: "Exited with code 139." }]);
    expect(await provider.list()).toMatchObject([{ state: "failed" }]);
    expect(() => provider.crash("instance-1")).toThrow('Nothing runs for instance "instance-1"');
  });

  it("orphans on demand: not reachable, not told, but destroyable", async () => {
    const provider = fakeProvider();
    const told: Resource[] = [];
    provider.subscribe((resource) => told.push(resource));
    const { id } = await provider.launch(request());
    provider.orphan("instance-1");
    expect((await provider.inspect(id)).state).toBe("orphaned");
    await expect(provider.connect(id)).rejects.toThrow("is orphaned");
    await provider.destroy(id);
    expect(await provider.list()).toEqual([]);
    expect(told).toEqual([]);
  });

  it("drops connections on demand while the resource runs on", async () => {
    const provider = fakeProvider();
    const peer = await peerOf(provider);
    provider.disconnect("instance-1");
    await peer.closed;
    expect(await provider.list()).toMatchObject([{ state: "running" }]);
    expect(await (await peerOf(provider)).callTool("echo", { message: "again" })).toBe("again");
  });
});

describe("what it tells", () => {
  it("records the calls in their order, failed ones included", async () => {
    const provider = fakeProvider();
    provider.failNext("connect", lost);
    const { id } = await provider.launch(request({ environment: { TOKEN: "resolved" } }));
    await provider.connect(id).catch(() => {});
    await provider.destroy(id);
    expect(provider.calls.map(({ method }) => method)).toEqual(["launch", "connect", "destroy"]);
    expect(provider.calls[0]?.request?.environment).toEqual({ TOKEN: "resolved" });
    expect(provider.calls[2]?.resourceId).toBe(id);
  });

  it("answers logs, the newest of them where a limit is given", async () => {
    const provider = fakeProvider({ clock: fakeClock("2026-05-01T00:00:00.000Z") });
    const { id } = await provider.launch(request());
    for (const text of ["one", "two", "three"]) provider.writeLog("instance-1", text);
    expect((await provider.logs(id, { limit: 2 })).map(({ text }) => text)).toEqual(["two", "three"]);
    expect((await provider.logs(id))[0]).toEqual({
      at: "2026-05-01T00:00:00.000Z",
      stream: "stderr",
      text: "one",
    });
    expect(await provider.logs("no-such-resource")).toEqual([]);
  });

  it("answers stats as they were set, with an uptime of its clock", async () => {
    const clock = fakeClock();
    const provider = fakeProvider({ clock });
    const { id } = await provider.launch(request());
    await clock.advance(1500);
    provider.setStats("instance-1", { cpuPercent: 93 });
    expect(await provider.stats(id)).toMatchObject({ cpuPercent: 93, uptimeMs: 1500 });
    await expect(provider.stats("no-such-resource")).rejects.toThrow("is absent");
  });

  it("has a price only where one is given", () => {
    expect(fakeProvider().price).toBeUndefined();
    expect(fakeProvider({ price: 750n }).price?.()).toBe(750n);
  });

  it("keeps shared resources when it is closed, and ends those of the host", async () => {
    const shared = fakeProvider({ locality: "shared" });
    const peer = await peerOf(shared);
    await shared.close();
    await peer.closed;
    expect(await shared.list()).toMatchObject([{ state: "running" }]);

    const host = fakeProvider();
    await host.launch(request());
    await host.close();
    expect(await host.list()).toEqual([]);
  });
});

describe("its server", () => {
  it("has tools, a resource and a prompt", async () => {
    const peer = await peerOf(fakeProvider());
    const listed = await peer.request({ id: 1, method: "tools/list" });
    expect(JSON.stringify(listed.result)).toContain('"name":"echo"');
    const resources = await peer.request({ id: 2, method: "resources/list" });
    expect(resources.result).toMatchObject({ resources: [{ uri: "fixture://greeting" }] });
    const read = { id: 3, method: "resources/read", params: { uri: "fixture://greeting" } };
    expect((await peer.request(read)).result).toMatchObject({ contents: [{ text: expect.any(String) }] });
    const prompts = await peer.request({ id: 4, method: "prompts/list" });
    expect(prompts.result).toMatchObject({ prompts: [{ name: "greet" }] });
  });

  it("answers unknown methods and tools with a JSON-RPC error", async () => {
    const peer = await peerOf(fakeProvider());
    const unknownMethod = await peer.request({ id: 1, method: "server/discover" });
    expect(unknownMethod.error).toMatchObject({ code: -32601 });
    const params = { name: "no-such-tool" };
    const unknownTool = await peer.request({ id: 2, method: "tools/call", params });
    expect(unknownTool.error).toMatchObject({ code: -32602 });
  });

  it("takes tools of the test's own", async () => {
    const double = {
      description: "Doubles.",
      call: ({ n }: { n?: unknown }) => textResult(`${Number(n) * 2}`),
    };
    const broken = { description: "Throws.", call: () => Promise.reject(new Error("out of order")) };
    const peer = await peerOf(fakeProvider({ tools: { double, broken } }));
    expect(await peer.callTool("double", { n: 21 })).toBe("42");
    const answer = await peer.request({ id: 1, method: "tools/call", params: { name: "broken" } });
    expect(answer.error).toEqual({ code: -32603, message: "out of order" });
  });

  it("reports progress to those who ask for it", async () => {
    const peer = await peerOf(fakeProvider());
    const ask = (id: number, _meta?: object) =>
      peer.request({
        id,
        method: "tools/call",
        params: { name: "progress", arguments: { steps: 2 }, ...(_meta && { _meta }) },
      });
    const reports = () => peer.received.filter(({ method }) => method === "notifications/progress");
    await ask(1);
    expect(reports()).toEqual([]);
    await ask(2, { progressToken: "t" });
    expect(reports().map(({ params }) => params)).toEqual([
      { progressToken: "t", progress: 1, total: 2 },
      { progressToken: "t", progress: 2, total: 2 },
    ]);
  });

  it("does not answer a call that was cancelled", async () => {
    const clock = fakeClock();
    const peer = await peerOf(fakeProvider({ clock }));
    const wait: JsonRpcMessage = {
      jsonrpc: "2.0",
      id: 7,
      method: "tools/call",
      params: { name: "wait", arguments: { ms: 1000 } },
    };
    await peer.transport.send(wait);
    await vi.waitFor(() => expect(clock.timers).toBe(1));
    const params = { requestId: 7 };
    await peer.transport.send({ jsonrpc: "2.0", method: "notifications/cancelled", params });
    await vi.waitFor(() => expect(clock.timers).toBe(0));
    await peer.callTool("echo", { message: "after" });
    expect(peer.received.map(({ id }) => id)).not.toContain(7);
  });

  it("copies messages, so that nobody changes another's", async () => {
    const provider = fakeProvider();
    const { id } = await provider.launch(request());
    const peer = await openPeer(await provider.connect(id));
    const args = { message: "before" };
    const answer = peer.callTool("echo", args);
    args.message = "after";
    expect(await answer).toBe("before");
  });

  it("refuses a transport that was not started, or twice", async () => {
    const provider = fakeProvider();
    const { id } = await provider.launch(request());
    const transport = await provider.connect(id);
    await expect(transport.send({ jsonrpc: "2.0", id: 1, method: "ping" })).rejects.toThrow(
      "was not started",
    );
    await transport.start();
    await expect(transport.start()).rejects.toThrow("was started already");
  });

  it("reports what a listener throws through onerror", async () => {
    const provider = fakeProvider();
    const { id } = await provider.launch(request());
    const transport = await provider.connect(id);
    const errors: Error[] = [];
    transport.onerror = (error) => errors.push(error);
    transport.onmessage = () => {
      throw new Error("listener");
    };
    await transport.start();
    await transport.send({ jsonrpc: "2.0", id: 1, method: "ping" });
    await vi.waitFor(() => expect(errors.map(({ message }) => message)).toEqual(["listener"]));
  });
});
