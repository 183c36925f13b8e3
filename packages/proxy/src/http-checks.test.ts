import { describe, expect, it } from "vitest";
import { accepts, postRefusalOf, readBody, refusalOf } from "./http-checks.ts";

function request(headers: Record<string, string>, url = "http://127.0.0.1:8787/mcp"): Request {
  return new Request(url, { headers });
}

const open = { allowedOrigins: [] };

describe("the Origin header", () => {
  it.each([
    ["none", {}],
    ["the own loopback host", { origin: "http://127.0.0.1:8787", host: "127.0.0.1:8787" }],
    ["the own loopback name", { origin: "http://localhost:8787", host: "localhost:8787" }],
    ["the own host with a certificate", { origin: "https://mcp.example.com", host: "mcp.example.com" }],
  ])("passes when it is %s", (_, headers) => {
    expect(refusalOf(request(headers), open)).toBeUndefined();
  });

  it.each([
    ["another host", { origin: "http://evil.example", host: "127.0.0.1:8787" }],
    ["another port", { origin: "http://127.0.0.1:9999", host: "127.0.0.1:8787" }],
    [
      "a name made to resolve to this host",
      { origin: "http://evil.example:8787", host: "evil.example:8787" },
    ],
    ["null", { origin: "null", host: "127.0.0.1:8787" }],
    ["nonsense", { origin: "::", host: "127.0.0.1:8787" }],
  ])("is refused when it is %s", (_, headers) => {
    expect(refusalOf(request(headers), open)).toBe("originRefused");
  });

  it("passes when it is allowed by name, or all are", () => {
    const foreign = request({ origin: "http://app.example", host: "127.0.0.1:8787" });
    expect(refusalOf(foreign, { allowedOrigins: ["http://app.example"] })).toBeUndefined();
    expect(refusalOf(foreign, { allowedOrigins: ["*"] })).toBeUndefined();
  });
});

it("answers only the hosts that are listed, where any are", () => {
  const checks = { allowedOrigins: [], allowedHosts: ["127.0.0.1:8787"] };
  expect(refusalOf(request({}), checks)).toBeUndefined();
  expect(refusalOf(request({ host: "evil.example" }), checks)).toBe("hostRefused");
  expect(refusalOf(request({}, "http://evil.example/mcp"), checks)).toBe("hostRefused");
});

it("knows the revisions that open with initialize", () => {
  const versioned = (version: string) => refusalOf(request({ "mcp-protocol-version": version }), open);
  expect(["2025-11-25", "2025-06-18", "2025-03-26"].map(versioned)).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(["2026-07-28", "nonsense"].map(versioned)).toEqual(["unsupportedVersion", "unsupportedVersion"]);
});

describe("POST headers", () => {
  const json = { "content-type": "application/json; charset=utf-8" };
  it.each([
    [{ ...json, accept: "application/json, text/event-stream" }, undefined],
    [{ ...json, accept: "*/*" }, undefined],
    [json, undefined],
    [{ ...json, accept: "application/json" }, "notAcceptable"],
    [{ ...json, accept: "text/event-stream" }, "notAcceptable"],
    [{ "content-type": "text/plain" }, "unsupportedMediaType"],
    [{ "content-type": "application/jsonp" }, "unsupportedMediaType"],
    [{}, "unsupportedMediaType"],
  ])("%j gives %s", (headers, refusal) => {
    expect(postRefusalOf(new Headers(headers as Record<string, string>))).toBe(refusal);
  });

  it("may name a whole family", () => {
    expect(accepts(new Headers({ accept: "text/*" }), "text/event-stream")).toBe(true);
    expect(accepts(new Headers({ accept: "text/*" }), "application/json")).toBe(false);
  });
});

describe("readBody", () => {
  function streamed(chunks: readonly string[], headers: Record<string, string> = {}) {
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          const chunk = chunks[pulled++];
          if (chunk === undefined) controller.close();
          else controller.enqueue(new TextEncoder().encode(chunk));
        },
      },
      { highWaterMark: 0 },
    );
    const init = { method: "POST", body, headers, duplex: "half" };
    return { request: new Request("http://host/", init as RequestInit), pulled: () => pulled };
  }

  it("puts a body together, characters across chunks included", async () => {
    const bytes = new TextEncoder().encode("größe");
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const init = { method: "POST", body, duplex: "half" } as RequestInit;
    expect(await readBody(new Request("http://host/", init), 100)).toBe("größe");
  });

  it("stops reading as soon as it is too much", async () => {
    const { request: endless, pulled } = streamed(new Array(1_000).fill("0123456789"));
    expect(await readBody(endless, 25)).toBeUndefined();
    expect(pulled()).toBeLessThan(6);
  });

  it("reads nothing when the declared length is too much", async () => {
    const { request: declared, pulled } = streamed(["0123456789"], { "content-length": "1000000000" });
    expect(await readBody(declared, 25)).toBeUndefined();
    expect(pulled()).toBe(0);
  });

  it("does not believe a length that is too small", async () => {
    const { request: lying } = streamed(["0123456789", "0123456789"], { "content-length": "5" });
    expect(await readBody(lying, 15)).toBeUndefined();
  });

  it("takes a request without a body for an empty one", async () => {
    expect(await readBody(new Request("http://host/", { method: "POST" }), 10)).toBe("");
  });
});
