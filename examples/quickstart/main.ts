// A guided tour through a platform that hosts two MCP servers nobody here wrote. Needs no network.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Instance, Platform } from "@moorage/core";
import { buildPlatform, mount, OWNER, TOKEN, unmount } from "./house.ts";
import { textOf, type Visit, visitWithVersion1, visitWithVersion2 } from "./outside.ts";
import { descendants, isAlive } from "./processes.ts";
import { everythingServer, filesystemServer } from "./servers.ts";
import { bold, chapter, dim, say, showProgress, step, table } from "./tour.ts";

const SECRET = randomBytes(24).toString("base64url");
const NOTE = "Ships lie safe at their moorage.";

/** What the chapters of the tour share. */
interface Tour {
  readonly folder: string;
  readonly platform: Platform<"local">;
  readonly everything: Instance;
  readonly filesystem: Instance;
}

async function openHouse(folder: string): Promise<Platform<"local">> {
  chapter("1  A platform, inside this very process");
  const platform = buildPlatform(folder);
  await step("creates its tables in a fresh SQLite file", async () => {
    const steps = await platform.migrate();
    return { result: steps, shows: [dim(`${steps.length} migrations`)] };
  });
  await step("starts", async () => ({ result: await platform.start() }));
  return platform;
}

async function fillCatalog(folder: string, platform: Platform<"local">): Promise<Tour> {
  chapter("2  Two real servers in its catalog, a secret in its vault");
  const ids = await step("registers server-everything and server-filesystem", async () => {
    const everything = await platform.catalog.register(everythingServer(), { ownerId: OWNER });
    const filesystem = await platform.catalog.register(filesystemServer(folder), { ownerId: OWNER });
    const shows = [everything, filesystem].map(({ name, approval }) =>
      dim(`${name}: ${approval.status} to run on this host`),
    );
    return { result: { everything: everything.id, filesystem: filesystem.id }, shows };
  });
  await step('seals the secret "demo"', async () => {
    const stored = await platform.secrets.put({ name: "demo", value: SECRET, ownerId: OWNER });
    return { result: stored, shows: [dim(`version ${stored.version} under key ${stored.keyId}`)] };
  });
  const start = (serverId: string, environment: Readonly<Record<string, string>>) =>
    platform.instances.create({ serverId, environment, ownerId: OWNER, provider: "local" });
  const everything = await step("starts an instance of server-everything", async () => {
    const result = await start(ids.everything, { DEMO_KEY: "secret:demo" });
    return { result, shows: [dim(`${result.id} is ${result.state}`)] };
  });
  const filesystem = await step("starts an instance of server-filesystem", async () => {
    const result = await start(ids.filesystem, {});
    return { result, shows: [dim(`${result.id} is ${result.state}`)] };
  });
  return { folder, platform, everything, filesystem };
}

async function useFromInside(tour: Tour): Promise<void> {
  chapter("3  Tools, called from the host's own code");
  const { tools } = tour.platform;
  const call = async (instance: Instance, name: string, input: Record<string, unknown>) =>
    textOf((await tools.call(instance.id, { name, arguments: input })).result.content);

  await step("lists the tools of both", async () => {
    const lists = await Promise.all([tools.list(tour.everything.id), tools.list(tour.filesystem.id)]);
    const names = lists.map((list) => list.map(({ name }) => name));
    return {
      result: names,
      shows: names.map((list) => dim(`${list.length}: ${list.slice(0, 4).join(", ")}, ...`)),
    };
  });
  await step("calls echo", async () => {
    const answer = await call(tour.everything, "echo", { message: "hello from inside" });
    expectThat(answer.includes("hello from inside"), `echo answered "${answer}"`);
    return { result: answer, shows: [dim(answer)] };
  });
  await step("calls a tool that takes its time, and watches its progress", async () => {
    let seen = 0;
    const onProgress = (progress: { readonly progress: number; readonly total?: number }) => {
      seen += 1;
      showProgress(progress.progress, progress.total ?? 4);
    };
    const long = { name: "trigger-long-running-operation", arguments: { duration: 0.8, steps: 4 } };
    const answer = await tools.call(tour.everything.id, long, { onProgress });
    expectThat(seen === 4, `saw ${seen} of 4 progress messages`);
    return { result: answer };
  });
  await step("reads a file through the filesystem server", async () => {
    const path = join(tour.folder, "note.txt");
    const answer = await call(tour.filesystem, "read_text_file", { path });
    expectThat(answer.trim() === NOTE, `the file server answered "${answer}"`);
    return { result: answer, shows: [dim(`"${answer.trim()}"`)] };
  });
  await step("proves, without showing it, that the server has the secret", async () => {
    const environment = JSON.parse(await call(tour.everything, "get-env", {})) as Record<string, string>;
    expectThat(environment.DEMO_KEY === SECRET, "the server did not get the secret");
    return { result: true, shows: [dim(`DEMO_KEY has its ${SECRET.length} characters`)] };
  });
}

async function useFromOutside(tour: Tour): Promise<void> {
  chapter("4  The same from outside: Express, a bearer token, the official MCP clients");
  const { server, url } = await step("mounts the platform in an Express application", async () => {
    const result = await mount(tour.platform);
    return { result, shows: [dim(`${result.url}`)] };
  });
  try {
    await step("turns away whoever brings no token", async () => {
      const response = await fetch(`${url}/instances`);
      expectThat(response.status === 401, `answered ${response.status}, not 401`);
      return { result: response.status, shows: [dim("401 UNAUTHENTICATED")] };
    });
    const door = (instance: Instance) => ({ url: `${url}/instances/${instance.id}/mcp`, token: TOKEN });
    await step("lets in the official client, version 2, over Streamable HTTP", async () =>
      visited(await visitWithVersion2(door(tour.everything))),
    );
    await step("and version 1", async () => visited(await visitWithVersion1(door(tour.everything))));
  } finally {
    await unmount(server);
  }
}

function visited(visit: Visit): { readonly result: Visit; readonly shows: readonly string[] } {
  expectThat(visit.echoed.includes("hello from version"), `echo answered "${visit.echoed}"`);
  expectThat(visit.progressSeen > 0, "no progress came through");
  const shows = [dim(`${visit.tools} tools, "${visit.echoed}", ${visit.progressSeen} progress messages`)];
  return { result: visit, shows };
}

async function lookBack(tour: Tour): Promise<void> {
  chapter("5  What the platform remembers");
  await step("every tool call", async () => {
    const { items } = await tour.platform.tools.history({ ownerId: OWNER });
    const rows = items
      .toReversed()
      .map((call) => [call.tool, call.status, `${call.durationMs} ms`, call.actorId ?? "the host"]);
    return { result: items, shows: table(["tool", "status", "took", "called by"], rows) };
  });
  await step("but not the secret that one of them returned", async () => {
    const { items } = await tour.platform.tools.history({ ownerId: OWNER });
    const kept = JSON.stringify(items);
    expectThat(!kept.includes(SECRET) && kept.includes("[secret]"), "the history holds the secret");
    return { result: undefined, shows: ["DEMO_KEY is kept as [secret]"] };
  });
}

async function closeHouse(tour: Tour, before: ReadonlySet<number>): Promise<void> {
  const { platform, everything, filesystem } = tour;
  chapter("6  Everything stops");
  const running = await Promise.all([everything, filesystem].map(({ id }) => platform.instances.stats(id)));
  const pids = running.flatMap(({ pid }) => pid ?? []);
  await step("stops both instances", async () => {
    const stopped = await Promise.all([everything, filesystem].map(({ id }) => platform.instances.stop(id)));
    return { result: stopped, shows: stopped.map(({ name, state }) => dim(`${name} is ${state}`)) };
  });
  await step("tells the story in events", async () => {
    const { items } = await platform.events.list({ after: 0, limit: 200 });
    const firstAt = Date.parse(items[0]?.createdAt ?? "");
    const names = new Map([everything, filesystem].map(({ id, name }) => [id, name]));
    const shows = items.map(({ type, subjectId, createdAt }) => {
      const after = `+${Date.parse(createdAt) - firstAt} ms`.padStart(9);
      return `${dim(after)}  ${type.padEnd(20)}  ${dim(names.get(subjectId ?? "") ?? "")}`.trimEnd();
    });
    return { result: items, shows };
  });
  await step("closes the platform", async () => ({ result: await platform.close() }));
  await step("leaves no child process behind", async () => {
    const left = [...descendants()].filter((pid) => !before.has(pid)).concat(pids.filter(isAlive));
    expectThat(pids.length === 2, `knew ${pids.length} of 2 process ids`);
    expectThat(left.length === 0, `processes ${left.join(", ")} are still there`);
    return { result: left, shows: [dim(`${pids.join(" and ")} are gone`)] };
  });
}

function expectThat(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}

async function tour(): Promise<void> {
  const before = descendants();
  const folder = await step("makes a folder for the tour", async () => {
    const result = await mkdtemp(join(tmpdir(), "moorage-quickstart-"));
    await writeFile(join(result, "note.txt"), `${NOTE}\n`);
    return { result };
  });
  try {
    await visit(folder, before);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function visit(folder: string, before: ReadonlySet<number>): Promise<void> {
  const platform = await openHouse(folder);
  try {
    const tour = await fillCatalog(folder, platform);
    await useFromInside(tour);
    await useFromOutside(tour);
    await lookBack(tour);
    await closeHouse(tour, before);
  } finally {
    await platform.close();
  }
}

const startedAt = performance.now();
say(bold("Moorage: a guided tour"));
try {
  await tour();
  say(
    `\nDone in ${((performance.now() - startedAt) / 1000).toFixed(1)} s. Next: ${bold("docs/getting-started.md")}`,
  );
} catch (error) {
  say(`\nThe tour ends here: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
