import { describe, expect, it } from "vitest";
import { boundRequest, readJson } from "./body.ts";

const json = { "content-type": "application/json" };

function post(body: BodyInit | null, headers: Record<string, string> = json): Request {
  return new Request("http://host.test/", { method: "POST", body, headers });
}

const declared = (body: string) => ({ ...json, "content-length": String(body.length) });

describe("readJson", () => {
  it.each(["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"])(
    "takes %s",
    async (type) => {
      expect(await readJson(post('{"a":1}', { "content-type": type }), 100)).toEqual({ a: 1 });
    },
  );

  it("reads a declared and an undeclared body alike", async () => {
    const body = '{"text":"żółw"}';
    expect(await readJson(post(body), 100)).toEqual({ text: "żółw" });
    expect(await readJson(post(body, declared(body)), 100)).toEqual({ text: "żółw" });
  });

  it("takes exactly as many bytes as allowed, and counts bytes, not characters", async () => {
    const body = '"żółw"';
    expect(await readJson(post(body), 9)).toBe("żółw");
    await expect(readJson(post(body), 8)).rejects.toMatchObject({ code: "PAYLOAD_TOO_LARGE" });
  });

  it("gives undefined for no body", async () => {
    expect(await readJson(post(null), 100)).toBeUndefined();
    expect(await readJson(post("", declared("")), 100)).toBeUndefined();
    expect(await readJson(post(""), 100)).toBeUndefined();
  });

  it("refuses a declared body of another type before it reads any of it", async () => {
    const unread = new ReadableStream({ pull: (controller) => controller.error(new Error("it was read")) });
    const headers = { "content-type": "text/plain", "content-length": "2" };
    const init: RequestInit & { duplex: "half" } = { method: "POST", body: unread, headers, duplex: "half" };
    await expect(readJson(new Request("http://host.test/", init), 100)).rejects.toMatchObject({
      code: "UNSUPPORTED_MEDIA_TYPE",
    });
  });

  it("blames the request when its body breaks off", async () => {
    const broken = new ReadableStream({
      pull: (controller) => controller.error(new Error("socket hang up")),
    });
    const init: RequestInit & { duplex: "half" } = {
      method: "POST",
      body: broken,
      headers: json,
      duplex: "half",
    };
    await expect(readJson(new Request("http://host.test/", init), 100)).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  });

  it("counts nesting outside of strings only", async () => {
    const text = JSON.stringify({ a: `${"[".repeat(500)}\\"${"{".repeat(500)}` });
    expect(await readJson(post(text), 10_000)).toEqual(JSON.parse(text));
    const flat = JSON.stringify(Array.from({ length: 500 }, () => [{}]));
    expect(await readJson(post(flat), 10_000)).toHaveLength(500);
    const deep = `${"[".repeat(201)}${"]".repeat(201)}`;
    await expect(readJson(post(deep), 10_000)).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });
});

describe("boundRequest", () => {
  it("leaves a request alone whose length is known", () => {
    const request = post("{}", declared("{}"));
    expect(boundRequest(request, 100).request).toBe(request);
    const get = new Request("http://host.test/");
    expect(boundRequest(get, 100).request).toBe(get);
  });

  it("keeps method, headers and signal of one whose body it counts", async () => {
    const controller = new AbortController();
    const request = new Request("http://host.test/a?b=1", {
      method: "PUT",
      body: "12345",
      headers: { "x-one": "1" },
      signal: controller.signal,
    });
    const bounded = boundRequest(request, 5);
    expect(bounded.request.method).toBe("PUT");
    expect(bounded.request.url).toBe("http://host.test/a?b=1");
    expect(bounded.request.headers.get("x-one")).toBe("1");
    expect(await bounded.request.text()).toBe("12345");
    expect(bounded.exceeded()).toBe(false);
    controller.abort();
    expect(bounded.request.signal.aborted).toBe(true);
  });

  it("breaks a body off that is longer than allowed", async () => {
    const bounded = boundRequest(post("123456"), 5);
    await expect(bounded.request.text()).rejects.toMatchObject({ code: "PAYLOAD_TOO_LARGE" });
    expect(bounded.exceeded()).toBe(true);
  });
});
