import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LaunchRequest } from "@moorage/core";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { ANSWERING, converse, launchOf, scratchFolder, until } from "../test-support/children.ts";
import { hostTagOf } from "./identity.ts";
import type { ProcessProviderOptions } from "./options.ts";
import { type ProcessProvider, processProvider } from "./process-provider.ts";
import { createProcessTable } from "./process-table.ts";
import { createSecretFiles, secretFolders } from "./secret-files.ts";

// A folder of its own in memory, so that only what these tests make is ever in it.
const memory = mkdtempSync("/dev/shm/moorage-test-");
const scratch = scratchFolder();
const providers: ProcessProvider[] = [];
const hosts: ChildProcess[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0)) host.kill("SIGKILL");
  await Promise.all(providers.splice(0).map((provider) => provider.close()));
  for (const name of readdirSync(memory)) rmSync(join(memory, name), { recursive: true });
});
afterAll(() => {
  scratch.remove();
  rmSync(memory, { recursive: true });
});

function make(options: ProcessProviderOptions = {}): ProcessProvider {
  const settings = { stateDirectory: scratch.path, secretDirectory: memory, stopGraceMs: 1_000 };
  const provider = processProvider({ ...settings, ...options });
  providers.push(provider);
  return provider;
}

const VALUE = "line one\n“line two” $HOME";

const sealed = (overrides: Partial<LaunchRequest> = {}, source = ANSWERING) =>
  launchOf(source, {
    environment: { TOKEN: VALUE, GREETING: "hello" },
    secretNames: ["TOKEN", "NOT_SET"],
    secretDelivery: "file",
    ...overrides,
  });

const READING = ANSWERING.replace(
  'if (method === "pid")',
  'if (method === "read") return answer({ jsonrpc: "2.0", id, result: { text: require("node:fs").readFileSync(process.env.TOKEN_FILE, "utf8") } });\n  if (method === "pid")',
);

async function talk(provider: ProcessProvider, request: LaunchRequest) {
  const { id } = await provider.launch(request);
  return { id, conversation: await converse(await provider.connect(id)) };
}

const modeOf = (path: string) => lstatSync(path).mode & 0o777;

describe("a secret delivered by file", () => {
  it("is read by the server from the file that <NAME>_FILE names, and is not in its environment", async () => {
    const { conversation } = await talk(make(), sealed({}, READING));
    expect((await conversation.ask("read")).text).toBe(VALUE);
    const environment = await conversation.ask("environment");
    expect(environment).toMatchObject({ GREETING: "hello" });
    expect(environment).not.toHaveProperty("TOKEN");
    expect(environment).not.toHaveProperty("NOT_SET_FILE");
    const path = String(environment.TOKEN_FILE);
    expect(dirname(dirname(path))).toBe(memory);
    expect(basename(path)).toBe("TOKEN");
  });

  it("is for this user alone, whatever the host's umask", async () => {
    const before = process.umask(0);
    try {
      await make().launch(sealed());
    } finally {
      process.umask(before);
    }
    const [folder = ""] = readdirSync(memory);
    expect(modeOf(join(memory, folder))).toBe(0o700);
    expect(modeOf(join(memory, folder, "TOKEN"))).toBe(0o600);
  });

  it("is shared by all connections, outlives each of them, and is gone when the resource is stopped", async () => {
    const provider = make();
    const { id, conversation } = await talk(provider, sealed({}, READING));
    const second = await converse(await provider.connect(id));
    expect((await second.ask("read")).text).toBe(VALUE);
    expect(readdirSync(memory)).toHaveLength(1);
    await second.transport.close();
    await conversation.transport.close();
    const third = await converse(await provider.connect(id));
    expect((await third.ask("read")).text).toBe(VALUE);
    await provider.stop(id);
    expect(readdirSync(memory)).toEqual([]);
  });

  it("is there again when a stopped resource starts again", async () => {
    const provider = make();
    const { id } = await provider.launch(sealed({}, READING));
    await provider.stop(id);
    const { conversation } = await talk(provider, sealed({}, READING));
    expect((await conversation.ask("read")).text).toBe(VALUE);
    await provider.destroy(id);
    expect(readdirSync(memory)).toEqual([]);
  });

  it("is gone when the server ends by itself, when its provider closes, and when it never started", async () => {
    const provider = make();
    const { conversation } = await talk(provider, sealed());
    await conversation.ask("pid");
    await conversation.transport.send({ jsonrpc: "2.0", id: 99, method: "exit", params: { code: 3 } });
    await until(() => readdirSync(memory).length === 0);
    await provider.launch(sealed({ generation: 2 }));
    expect(readdirSync(memory)).toHaveLength(1);
    await provider.close();
    expect(readdirSync(memory)).toEqual([]);
    const runtime = { ...launchOf("").runtime, command: "no-such-program-anywhere" };
    await expect(make().launch(sealed({ runtime }))).rejects.toMatchObject({ code: "LAUNCH_FAILED" });
    expect(readdirSync(memory)).toEqual([]);
  });

  it("makes no file where nothing is secret, or the environment was asked for", async () => {
    const provider = make();
    await provider.launch(sealed({ instanceId: "plain", secretNames: [] }));
    const { conversation } = await talk(provider, sealed({ secretDelivery: "environment" }));
    expect(await conversation.ask("environment")).toMatchObject({ TOKEN: VALUE });
    expect(readdirSync(memory)).toEqual([]);
  });

  it("is refused where a variable has the name of its file, before anything is done", async () => {
    const environment = { TOKEN: VALUE, TOKEN_FILE: "/etc/passwd" };
    await expect(make().launch(sealed({ environment }))).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringMatching(/^TOKEN_FILE /),
    });
    expect(readdirSync(memory)).toEqual([]);
  });
});

describe("where there is no memory to write to", () => {
  it("a launch is refused with what to do, and the value is not in the message", async () => {
    const provider = make({ secretDirectory: "/proc" });
    await expect(provider.launch(sealed())).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringMatching(/no tmpfs at \/proc\. .*secretDirectory/),
    });
    await expect(provider.launch(sealed())).rejects.not.toMatchObject({
      message: expect.stringContaining("line one"),
    });
  });

  it("the user's runtime folder is the second choice, and a relative one is none", () => {
    const choose = (runtime?: string) => secretFolders({ hostEnvironment: { XDG_RUNTIME_DIR: runtime } });
    expect(choose("/run/user/1000")).toEqual(["/dev/shm", "/run/user/1000"]);
    expect(choose("run")).toEqual(["/dev/shm"]);
    expect(choose()).toEqual(["/dev/shm"]);
  });

  it("the first candidate in memory is taken", async () => {
    const candidates = ["/nowhere", "/proc", memory];
    const files = createSecretFiles({ candidates, table, hostTag: () => hostTagOf(table, process.pid) });
    const { environment, remove } = await files.deliver(sealed());
    expect(readFileSync(environment.TOKEN_FILE ?? "", "utf8")).toBe(VALUE);
    await remove();
    await remove();
    expect(readdirSync(memory)).toEqual([]);
  });
});

const table = createProcessTable();

/** Names as this module makes them, for a host process that is or is not. */
function leftover(hostTag: string, namespace?: string): string {
  const own = readdirSync(memory)[0]?.split(".")[4] ?? "";
  return join(memory, `moorage-secrets.${hostTag}.${namespace ?? own}.sealed.0123456789abcdef`);
}

describe("what a host that was killed left behind", () => {
  async function killedHost(): Promise<string> {
    const program = fileURLToPath(new URL("../test-support/secret-host-program.ts", import.meta.url));
    const args = ["--conditions=@moorage/source", "--import", "tsx", program, scratch.path, memory];
    const host = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    hosts.push(host);
    const line = await new Promise<Buffer>((resolve) => host.stdout.once("data", resolve));
    expect(readdirSync(memory)).toHaveLength(1);
    await make().list();
    expect(readdirSync(memory), "a host that lives is left alone").toHaveLength(1);
    const ended = new Promise((resolve) => host.once("exit", resolve));
    host.kill("SIGKILL");
    await ended;
    expect(readdirSync(memory)).toHaveLength(1);
    return JSON.parse(line.toString()).id;
  }

  it("is removed when the next host asks for orphans", async () => {
    await killedHost();
    await make().list();
    expect(readdirSync(memory)).toEqual([]);
  });

  it("is removed when the next host launches or ends the instance", async () => {
    const id = await killedHost();
    await make().destroy(id);
    expect(readdirSync(memory)).toEqual([]);
    await killedHost();
    await make().launch(launchOf(ANSWERING, { instanceId: "sealed", generation: 2 }));
    expect(readdirSync(memory)).toEqual([]);
  });

  it("is told by pid, start and boot, and never removed for another container", async () => {
    const provider = make();
    await provider.launch(sealed());
    const { bootId } = table;
    const start = table.read(process.pid)?.startTicks ?? 0;
    const gone = [
      leftover(`${bootId}.${process.pid}.${start + 1}`),
      leftover(`00000000-0000-0000-0000-000000000000.${process.pid}.${start}`),
    ];
    const kept = [
      leftover(`${bootId}.${process.pid}.${start}`),
      leftover(`${bootId}.${process.pid}.${start + 1}`, "1"),
      join(memory, "moorage-secrets.of-somebody-else"),
      join(memory, "other"),
    ];
    for (const folder of [...gone, ...kept]) mkdirSync(folder);
    await provider.list();
    expect(gone.filter((folder) => existsSync(folder))).toEqual([]);
    expect(kept.filter((folder) => !existsSync(folder))).toEqual([]);
  });

  it("is not followed where a link lies in its place", async () => {
    const provider = make();
    await provider.launch(sealed());
    const precious = join(scratch.path, "precious");
    mkdirSync(precious);
    writeFileSync(join(precious, "file"), "x");
    const link = leftover(`${table.bootId}.1.1`);
    symlinkSync(precious, link);
    await provider.list();
    expect(existsSync(join(precious, "file"))).toBe(true);
  });
});
