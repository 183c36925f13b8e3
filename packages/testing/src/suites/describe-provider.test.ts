import {
  type LaunchRequest,
  PlatformError,
  type Provider,
  type Resource,
  type Transport,
} from "@moorage/core";
import { describe, expect, it } from "vitest";
import { fakeProvider } from "../fake-provider.ts";
import { fixtureRuntime } from "../fixtures.ts";
import {
  describeProvider,
  PROVIDER_CLAIMS,
  type ProviderClaim,
  type ProviderHarness,
} from "./describe-provider.ts";
import { providerBench } from "./provider-claim.ts";

function request(overrides: Partial<LaunchRequest>): LaunchRequest {
  return {
    instanceId: "instance-1",
    generation: 1,
    ownerId: "owner",
    runtime: fixtureRuntime("echo"),
    environment: {},
    ...overrides,
  };
}

/** A fake that breaks the contract in the members given. */
function broken(changes: (sound: Provider) => Partial<Provider>): Provider {
  const sound = fakeProvider();
  const bound = new Proxy(sound, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return Object.assign(Object.create(bound) as Provider, changes(bound));
}

function check(claim: ProviderClaim, provider: Provider): Promise<void> {
  const skip = (reason: string): never => {
    throw new Error(`skipped: ${reason}`);
  };
  const { bench, close } = providerBench({ provider, request, skip });
  return PROVIDER_CLAIMS[claim](bench).finally(close);
}

let serial = 0;

/** One way to break the contract for each claim that must notice it. */
const faults: Partial<Record<ProviderClaim, (sound: Provider) => Partial<Provider>>> = {
  "launches one resource for one instance id and generation": (sound) => ({
    launch: (wanted) => sound.launch({ ...wanted, instanceId: `${wanted.instanceId}-${serial++}` }),
  }),
  "launches one resource when ten launches race": (sound) => ({
    launch: (wanted) => sound.launch({ ...wanted, instanceId: `${wanted.instanceId}-${serial++}` }),
  }),
  "launches a second resource for the next generation": (sound) => ({
    launch: (wanted) => sound.launch({ ...wanted, generation: 1 }),
  }),
  "keeps the resources of two instances apart": (sound) => ({
    stop: async () => {
      for (const { id } of (await sound.list?.()) ?? []) await sound.stop(id);
    },
  }),
  "inspects an unknown id as absent": () => ({
    inspect: async () => {
      throw new PlatformError("NOT_FOUND", "unknown");
    },
  }),
  "inspects what it launched as running, with instance id and generation": () => ({
    inspect: async (id) => ({ id, state: "running" }),
  }),
  "stops what runs, and does nothing when asked again": () => ({ stop: async () => {} }),
  "stops and destroys unknown ids without a word": () => ({
    destroy: async () => {
      throw new PlatformError("NOT_FOUND", "unknown");
    },
  }),
  "destroys what runs, so that it is absent, and does nothing when asked again": (sound) => ({
    destroy: (id) => sound.stop(id),
  }),
  "lists what runs, and no longer what was destroyed": () => ({ list: async () => [] }),
  "rejects the launch of a missing program with LAUNCH_FAILED and leaves nothing": (sound) => ({
    launch: (wanted) => sound.launch({ ...wanted, runtime: fixtureRuntime("echo") }),
  }),
  "launches nothing for a caller who has withdrawn": (sound) => ({
    launch: async (wanted, options) => {
      const resource = await sound.launch(wanted);
      options?.signal?.throwIfAborted();
      return resource;
    },
  }),
  "keeps quiet about an end that was asked for": (sound) => {
    const listeners = new Set<(resource: Resource) => void>();
    return {
      subscribe: (listener) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      stop: async (id) => {
        await sound.stop(id);
        for (const listener of listeners) listener({ id, state: "stopped" });
      },
    };
  },
  "connects: initialize, tools/list and tools/call pass": (sound) => ({
    connect: async (id) => altered(await sound.connect(id), (text) => text.replaceAll("ü", "?")),
  }),
  "passes a tool's error as a result": (sound) => ({
    connect: async (id) =>
      altered(await sound.connect(id), (text) => text.replace('"isError":true', '"x":1')),
  }),
  "answers a hundred concurrent calls, each with its own reply": (sound) => ({
    connect: async (id) =>
      altered(await sound.connect(id), (text) => text.replace("message 42", "message 43")),
  }),
  "passes a large message whole": (sound) => ({
    connect: async (id) =>
      altered(await sound.connect(id), (text) =>
        text.length > 100_000 ? text.replace("0123456789abcdef", "") : text,
      ),
  }),
  "keeps two connections apart, even with equal ids": (sound) => {
    const everybody: Transport[] = [];
    return {
      connect: async (id) => {
        const inner = await sound.connect(id);
        const outer = altered(inner, (text) => text);
        everybody.push(outer);
        inner.onmessage = (message) => {
          for (const transport of everybody) transport.onmessage?.(message);
        };
        return outer;
      },
    };
  },
  "leaves the other connections open when one is closed": (sound) => {
    const everybody: Transport[] = [];
    return {
      connect: async (id) => {
        const inner = await sound.connect(id);
        everybody.push(inner);
        const outer = altered(inner, (text) => text);
        outer.close = async () => {
          await Promise.all(everybody.map((transport) => transport.close()));
        };
        return outer;
      },
    };
  },
  "calls onclose once, and rejects what is sent after the end": (sound) => ({
    connect: async (id) => tooTalkative(await sound.connect(id)),
  }),
  "ends its connections when the resource is stopped": (sound) => ({
    connect: async (id) => tooTalkative(await sound.connect(id)),
  }),
  "rejects a connection to what is stopped or unknown with UPSTREAM_UNAVAILABLE": (sound) => ({
    connect: async (id) => {
      const { state } = await sound.inspect(id);
      if (state !== "running") throw new Error("not running");
      return sound.connect(id);
    },
  }),
  "opens no connection for a caller who has withdrawn": (sound) => ({ connect: (id) => sound.connect(id) }),
  "gives a transport that the official SDK's client can use": (sound) => ({
    connect: async (id) => ({ ...(await sound.connect(id)), start: async () => {} }),
  }),
  "hands the server the variables of the request": (sound) => ({
    launch: (wanted) => sound.launch({ ...wanted, environment: {} }),
  }),
  "hands the server no other variable of the host": (sound) => ({
    launch: (wanted) => {
      const host = process.env as Record<string, string>;
      return sound.launch({ ...wanted, environment: { ...host, ...wanted.environment } });
    },
  }),
  "delivers secrets by file where that is asked for": (sound) => ({
    launch: (wanted) => sound.launch({ ...wanted, secretDelivery: "environment" }),
  }),
  "delivers the next generation's secrets anew": (sound) => {
    let kept: LaunchRequest["environment"] | undefined;
    return {
      launch: (wanted) => {
        kept ??= wanted.environment;
        return sound.launch({ ...wanted, environment: kept });
      },
    };
  },
  "tells no secret in inspect(), list() or logs()": (sound) => ({
    launch: async (wanted) => {
      const resource = await sound.launch(wanted);
      return { ...resource, details: { command: JSON.stringify(wanted) } };
    },
  }),
  "tells no secret in an error": (sound) => ({
    launch: async (wanted, options) => {
      try {
        return await sound.launch(wanted, options);
      } catch (cause) {
        throw new PlatformError("LAUNCH_FAILED", "failed", {
          cause: Object.assign(new Error(), { cause, wanted }),
        });
      }
    },
  }),
};

/** Rewrites what comes in. */
function altered(inner: Transport, change: (text: string) => string): Transport {
  const outer: Transport = {
    start: () => inner.start(),
    send: (message) => inner.send(message),
    close: () => inner.close(),
  };
  inner.onmessage = (message) => outer.onmessage?.(JSON.parse(change(JSON.stringify(message))));
  inner.onclose = () => outer.onclose?.();
  return outer;
}

/** Tells its end twice. */
function tooTalkative(inner: Transport): Transport {
  const outer = altered(inner, (text) => text);
  inner.onclose = () => {
    outer.onclose?.();
    outer.onclose?.();
  };
  return outer;
}

describe("the provider suite notices a provider that breaks", () => {
  for (const [claim, fault] of Object.entries(faults) as [ProviderClaim, (typeof faults)[ProviderClaim]][]) {
    if (!fault) continue;
    it(claim, async () => {
      await expect(
        check(
          claim,
          broken(() => ({})),
        ),
      ).resolves.toBeUndefined();
      await expect(check(claim, broken(fault))).rejects.toThrow();
    });
  }
});

const deviating: ProviderHarness = {
  create: async () => ({ provider: broken(() => ({ stop: async () => {} })), close: async () => {} }),
  request,
  deviations: {
    "stops what runs, and does nothing when asked again": "it never stops",
    "rejects a connection to what is stopped or unknown with UPSTREAM_UNAVAILABLE": "it never stops",
    "ends its connections when the resource is stopped": "it never stops",
    "tells no secret in an error": "it never stops",
  },
};
describeProvider("a declared deviation is skipped, not failed", deviating);

describe("describeProvider", () => {
  it("refuses a deviation from a claim it does not make", () => {
    const deviations = { "does the dishes": "no hands" } as ProviderHarness["deviations"];
    expect(() => describeProvider("x", { ...deviating, ...(deviations && { deviations }) })).toThrow(
      "does the dishes: is no claim of the suite",
    );
  });
});
