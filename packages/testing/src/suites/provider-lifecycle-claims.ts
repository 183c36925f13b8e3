import { isPlatformError, type Resource } from "@moorage/core";
import { expect, vi } from "vitest";
import { missingProgram, type ProviderClaimCheck, untilEnded } from "./provider-claim.ts";

function heldFor(instanceId: string, resources: readonly Resource[]): readonly Resource[] {
  return resources.filter((resource) => resource.instanceId === instanceId);
}

/** How resources come, are told about, and go. */
export const lifecycleClaims = {
  "launches one resource for one instance id and generation": async ({ provider, launch }) => {
    const first = await launch();
    const again = await launch();
    expect(again.id).toBe(first.id);
    if (provider.list) expect(await provider.list()).toHaveLength(1);
  },

  "launches one resource when ten launches race": async ({ provider, request }) => {
    const launched = await Promise.all(Array.from({ length: 10 }, () => provider.launch(request())));
    expect(new Set(launched.map(({ id }) => id)).size).toBe(1);
    if (provider.list) expect(await provider.list()).toHaveLength(1);
  },

  "launches a second resource for the next generation": async ({ provider, launch }) => {
    const first = await launch({ generation: 1 });
    await provider.stop(first.id);
    const second = await launch({ generation: 2 });
    expect(second.id).not.toBe(first.id);
    expect(second.generation).toBe(2);
  },

  "keeps the resources of two instances apart": async ({ provider, request, launch }) => {
    const one = await launch();
    const other = await launch({ instanceId: `${request().instanceId}-other` });
    expect(other.id).not.toBe(one.id);
    await provider.stop(one.id);
    expect((await provider.inspect(other.id)).state).toBe("running");
  },

  "inspects an unknown id as absent": async ({ provider }) => {
    expect(await provider.inspect("no-such-resource")).toMatchObject({ state: "absent" });
  },

  "inspects what it launched as running, with instance id and generation": async ({
    provider,
    request,
    launch,
  }) => {
    const { id } = await launch({ generation: 3 });
    const { instanceId } = request();
    expect(await provider.inspect(id)).toMatchObject({ id, state: "running", instanceId, generation: 3 });
  },

  "stops what runs, and does nothing when asked again": async ({ provider, launch }) => {
    const { id } = await launch();
    await provider.stop(id);
    expect(["stopped", "absent"]).toContain((await provider.inspect(id)).state);
    await provider.stop(id);
    await Promise.all([provider.stop(id), provider.stop(id)]);
    expect(["stopped", "absent"]).toContain((await provider.inspect(id)).state);
  },

  "stops and destroys unknown ids without a word": async ({ provider }) => {
    await expect(provider.stop("no-such-resource")).resolves.toBeUndefined();
    await expect(provider.destroy("no-such-resource")).resolves.toBeUndefined();
  },

  "destroys what runs, so that it is absent, and does nothing when asked again": async ({
    provider,
    launch,
  }) => {
    const { id } = await launch();
    await provider.destroy(id);
    expect((await provider.inspect(id)).state).toBe("absent");
    await provider.destroy(id);
    expect((await provider.inspect(id)).state).toBe("absent");
  },

  "lists what runs, and no longer what was destroyed": async ({ provider, request, launch, skip }) => {
    if (!provider.list) return skip("The provider has no list().");
    const { id } = await launch();
    const { instanceId } = request();
    const listed = heldFor(instanceId, await provider.list());
    expect(listed).toMatchObject([{ id, state: "running", instanceId, generation: 1 }]);
    await provider.destroy(id);
    expect(heldFor(instanceId, await provider.list())).toEqual([]);
  },

  "rejects the launch of a missing program with LAUNCH_FAILED and leaves nothing": async ({
    provider,
    request,
    skip,
  }) => {
    const broken = missingProgram(request());
    if (broken.runtime.type === "remote") return skip("A remote server has no program.");
    await expect(provider.launch(broken)).rejects.toSatisfy((error) =>
      isPlatformError(error, "LAUNCH_FAILED"),
    );
    if (provider.list) expect(heldFor(broken.instanceId, await provider.list())).toEqual([]);
  },

  "launches nothing for a caller who has withdrawn": async ({ provider, request }) => {
    const signal = AbortSignal.abort(new Error("withdrawn"));
    await expect(provider.launch(request(), { signal })).rejects.toThrow();
    if (provider.list) expect(heldFor(request().instanceId, await provider.list())).toEqual([]);
  },

  "tells its subscribers when a resource ends by itself": async ({ provider, launch, open, skip }) => {
    if (!provider.subscribe) return skip("The provider has no subscribe().");
    const told: Resource[] = [];
    const unsubscribe = provider.subscribe((resource) => told.push(resource));
    const { id } = await launch();
    const peer = await open(id);
    await expect(peer.callTool("crash")).rejects.toThrow();
    await vi.waitFor(() => expect(told).toHaveLength(1), { timeout: 10_000, interval: 50 });
    unsubscribe();
    expect(told[0]?.id).toBe(id);
    expect(told[0]?.state).not.toBe("running");
    expect((await untilEnded(provider, id)).state).toMatch(/^(failed|stopped|absent)$/);
  },

  "keeps quiet about an end that was asked for": async ({ provider, launch, skip }) => {
    if (!provider.subscribe) return skip("The provider has no subscribe().");
    const told: Resource[] = [];
    const unsubscribe = provider.subscribe((resource) => told.push(resource));
    const stopped = await launch({ generation: 1 });
    await provider.stop(stopped.id);
    const destroyed = await launch({ generation: 2 });
    await provider.destroy(destroyed.id);
    await untilEnded(provider, destroyed.id);
    unsubscribe();
    expect(told).toEqual([]);
  },

  "ends every connection when it is closed, and every resource that lives with its host": async ({
    provider,
    launch,
    open,
    skip,
  }) => {
    if (!provider.close) return skip("The provider has no close().");
    const { id } = await launch();
    const peer = await open(id);
    await provider.close();
    await peer.closed;
    if (provider.locality === "host") await untilEnded(provider, id);
    await expect(provider.close()).resolves.toBeUndefined();
  },
} satisfies Record<string, ProviderClaimCheck>;
