import { inspect } from "node:util";
import { expect, vi } from "vitest";
import { missingProgram, type ProviderBench, type ProviderClaimCheck } from "./provider-claim.ts";

const SECRET = "sentinel-3f9d1c7ab2-secret";
const HOST_VARIABLE = "MOORAGE_SUITE_HOST_SENTINEL";

/** Anything as text with everything inside it: causes and hidden properties of errors, too. */
function everythingOf(value: unknown): string {
  return inspect(value, { depth: 20, showHidden: true, maxStringLength: null, maxArrayLength: null });
}

function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => expect.unreachable("this was expected to fail"),
    (error: unknown) => error,
  );
}

async function toldAbout({ provider }: ProviderBench, resourceId: string): Promise<unknown[]> {
  const logs = (await provider.logs?.(resourceId)) ?? [];
  const listed = (await provider.list?.()) ?? [];
  return [await provider.inspect(resourceId), listed, logs];
}

/** What a server gets to know of variables, and what nobody else does. */
export const environmentClaims = {
  "hands the server the variables of the request": async ({ launch, open }) => {
    const environment = { GREETING: "hello = world\n\"quoted\" $HOME 'ü'", EMPTY: "" };
    const peer = await open((await launch({ environment })).id);
    expect(await peer.callTool("read-env", { name: "GREETING" })).toBe(environment.GREETING);
    expect(JSON.parse(await peer.callTool("env-names"))).toEqual(
      expect.arrayContaining(["EMPTY", "GREETING"]),
    );
  },

  "hands the server no other variable of the host": async ({ launch, open }) => {
    vi.stubEnv(HOST_VARIABLE, "visible");
    try {
      const peer = await open((await launch()).id);
      expect(JSON.parse(await peer.callTool("env-names"))).not.toContain(HOST_VARIABLE);
    } finally {
      vi.unstubAllEnvs();
    }
  },

  "delivers secrets by file where that is asked for": async ({ launch, open }) => {
    const environment = { TOKEN: `${SECRET}\n"ü" $HOME`, GREETING: "hello" };
    const byFile = { environment, secretNames: ["TOKEN"], secretDelivery: "file" } as const;
    const peer = await open((await launch(byFile)).id);
    expect(await peer.callTool("read-secret-file", { name: "TOKEN" })).toBe(environment.TOKEN);
    expect(await peer.callTool("read-env", { name: "GREETING" })).toBe("hello");
    const names: unknown = JSON.parse(await peer.callTool("env-names"));
    expect(names).toEqual(expect.arrayContaining(["GREETING", "TOKEN_FILE"]));
    expect(names).not.toContain("TOKEN");
  },

  "delivers the next generation's secrets anew": async ({ provider, launch, open }) => {
    const byFile = { secretNames: ["TOKEN"], secretDelivery: "file" } as const;
    const first = await launch({ ...byFile, environment: { TOKEN: SECRET } });
    await provider.stop(first.id);
    const second = await launch({ ...byFile, environment: { TOKEN: "rotated" }, generation: 2 });
    const peer = await open(second.id);
    expect(await peer.callTool("read-secret-file", { name: "TOKEN" })).toBe("rotated");
  },

  "tells no secret in inspect(), list() or logs()": async (bench) => {
    const resource = await bench.launch({ environment: { TOKEN: SECRET } });
    const peer = await bench.open(resource.id);
    expect(await peer.callTool("read-env", { name: "TOKEN" })).toBe(SECRET);
    const running = await toldAbout(bench, resource.id);
    await bench.provider.stop(resource.id);
    const stopped = await toldAbout(bench, resource.id);
    expect(everythingOf([resource, running, stopped])).not.toContain(SECRET);
  },

  "tells no secret in an error": async ({ provider, request, launch }) => {
    const environment = { TOKEN: SECRET };
    const withdrawn = { signal: AbortSignal.abort() };
    const errors = [await failureOf(provider.launch(request({ environment, generation: 2 }), withdrawn))];
    const broken = missingProgram(request({ environment, generation: 3 }));
    if (broken.runtime.type !== "remote") errors.push(await failureOf(provider.launch(broken)));
    const { id } = await launch({ environment });
    await provider.stop(id);
    errors.push(await failureOf(provider.connect(id)));
    expect(everythingOf(errors)).not.toContain(SECRET);
  },
} satisfies Record<string, ProviderClaimCheck>;
