import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { commandLines, leaksIn } from "../support/leaks.ts";
import { postgresUrl } from "../support/postgres.ts";
import { runScript, type Script } from "../support/run-script.ts";

/** Where the platform keeps its rows, and how to see every byte of them from outside. */
interface Store {
  readonly args: readonly string[];
  read(): Promise<readonly Buffer[]>;
  remove(): Promise<void>;
}

async function sqliteStore(folder: string): Promise<Store> {
  const read = async () => {
    const files = (await readdir(folder)).filter((name) => name.startsWith("moorage.db"));
    return Promise.all(files.map((name) => readFile(join(folder, name))));
  };
  return { args: [join(folder, "moorage.db")], read, remove: async () => {} };
}

async function postgresStore(url: string): Promise<Store> {
  const schema = `moorage_sentinel_${randomUUID().replaceAll("-", "")}`;
  const client = new pg.Pool({ connectionString: url, max: 2 });
  await client.query(`create schema ${schema}`);
  const rowsOf = async (table: string) =>
    (await client.query<{ row: string }>(`select t::text as row from ${schema}.${table} t`)).rows;
  return {
    args: [url, schema],
    async read() {
      const tables = await client.query<{ name: string }>(
        "select table_name as name from information_schema.tables where table_schema = $1",
        [schema],
      );
      const rows = await Promise.all(tables.rows.map(({ name }) => rowsOf(name)));
      return rows.flat().map(({ row }) => Buffer.from(row));
    },
    async remove() {
      await client.query(`drop schema ${schema} cascade`);
      await client.end();
    },
  };
}

/** Forty characters; each of the forms in which it may be written down is a different text. */
function newSentinel(): string {
  const random = (bytes: number) => randomBytes(bytes).toString("base64url");
  return `${random(12)}/+ "\\%&=é<${random(10)}`;
}

/** A client of the host that keeps every answer, except those that are a server's own words to its caller. */
class Client {
  readonly bodies: string[] = [];
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  async send(method: string, path: string, body?: unknown): Promise<Answer> {
    const answer = await this.exchange(method, path, body);
    this.bodies.push(answer.text, JSON.stringify([...answer.headers]));
    return answer;
  }

  /** The same, for answers that may hold a secret: the caller asked for them. */
  async exchange(method: string, path: string, body?: unknown, more: object = {}): Promise<Answer> {
    const response = await fetch(`${this.#base}${path}`, {
      method,
      headers: {
        authorization: "Bearer alice",
        accept: "application/json, text/event-stream",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...more,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, headers: response.headers };
  }

  /** Calls a tool through the MCP endpoint. */
  async callOverMcp(instanceId: string, name: string): Promise<string> {
    const path = `/instances/${instanceId}/mcp`;
    const clientInfo = { name: "test", version: "1" };
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
    const opened = await this.send("POST", path, { jsonrpc: "2.0", id: 1, method: "initialize", params });
    const call = { jsonrpc: "2.0", id: 2, method: "tools/call", params: { name, arguments: {} } };
    const session = { "mcp-session-id": opened.headers.get("mcp-session-id") };
    return (await this.exchange("POST", path, call, session)).text;
  }

  async create(serverId: string, TOKEN: string, more: object = {}): Promise<string> {
    const answer = await this.send("POST", "/instances", { serverId, environment: { TOKEN }, ...more });
    expect(answer.status, answer.text).toBe(201);
    return JSON.parse(answer.text).id;
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** Uses the secret in every way there is: the server betrays it in each of them. */
async function useSecret(client: Client, id: string, secret: string): Promise<void> {
  const call = (name: string, more: object = {}) =>
    ["POST", `/instances/${id}/tools/${name}`, { arguments: {}, ...more }] as const;
  const revealed = await client.exchange(...call("reveal"));
  expect(JSON.parse(revealed.text).result.structuredContent[secret].raw).toBe(secret);
  const echoed = await client.exchange(...call("echo", { arguments: { message: secret, [secret]: secret } }));
  expect(echoed.status).toBe(200);
  expect(JSON.parse((await client.exchange(...call("fail"))).text).status).toBe("failed");
  expect(leaksIn([secret], await client.callOverMcp(id, "refuse"))).not.toEqual([]);
  expect((await client.send(...call("refuse"))).text).toContain("refused: raw=<[secret]>");
  expect((await client.send(...call("invalid"))).text).toContain("base64=<[secret]>");
  expect((await client.send(...call("noise"))).status).toBe(200);
  expect((await client.send(...call("crash"))).status).toBeGreaterThanOrEqual(500);
}

async function lookAround(client: Client, ids: readonly string[]): Promise<void> {
  for (const path of ["/events", "/audit", "/tool-calls", "/secrets", "/instances", "/usage"]) {
    expect((await client.send("GET", `${path}?limit=200`)).status, path).toBe(200);
  }
  for (const id of ids) await client.send("GET", `/instances/${id}`);
}

const places = [
  { dialect: "SQLite", url: "" as string | null },
  { dialect: "Postgres", url: postgresUrl() },
];

describe.skipIf(process.platform !== "linux").each(places)("on $dialect", ({ url }) => {
  describe.skipIf(url === null)("a secret", () => sentinelTest(url ?? ""));
});

function sentinelTest(url: string): void {
  let folder: string;
  let store: Store;
  let host: Script;
  let client: Client;
  let serverId: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "moorage-sentinel-"));
    store = url === "" ? await sqliteStore(folder) : await postgresStore(url);
    host = runScript("test/fixtures/leaky-host.ts", [join(folder, "state"), ...store.args]);
    serverId = (await host.line("server ")).split(" ")[1] ?? "";
    client = new Client((await host.line("listening ")).split(" ")[1] ?? "");
  });

  afterEach(async () => {
    host.child.kill("SIGKILL");
    await host.ended;
    await store.remove();
    await rm(folder, { recursive: true, force: true });
  });

  test("that is stored, used, betrayed, rotated and removed is found nowhere", async () => {
    const [first, second, literal] = [newSentinel(), newSentinel(), newSentinel()];
    const secrets = [first, second, literal];

    await client.send("PUT", "/secrets/GITHUB", { value: first });
    await client.send("PUT", "/secrets/GITHUB", `{"value":"${first}`);
    await client.send("PUT", "/secrets/GITHUB", { value: first, scope: { kind: first } });
    const shared = await client.create(serverId, "secret:GITHUB");
    const sealed = await client.create(serverId, literal, { secretDelivery: "file" });
    await useSecret(client, shared, first);
    await useSecret(client, sealed, literal);
    const failures = await failingStarts();
    expect(leaksIn(secrets, commandLines())).toEqual([]);

    const rotated = await client.send("POST", "/secrets/GITHUB/rotate", { value: second });
    expect(rotated.status, rotated.text).toBe(200);
    for (const verb of ["stop", "start", "restart"]) {
      expect((await client.send("POST", `/instances/${shared}/${verb}`)).status).toBe(200);
    }
    await useSecret(client, shared, second);
    const logs = await client.send("GET", `/instances/${shared}/logs?limit=1000`);
    await lookAround(client, [shared, sealed]);

    expect(leaksIn(secrets, commandLines())).toEqual([]);
    for (const bytes of await store.read()) expect(leaksIn(secrets, bytes)).toEqual([]);
    for (const id of [shared, sealed]) {
      expect((await client.send("DELETE", `/instances/${id}`)).status).toBe(204);
    }
    expect((await client.send("DELETE", "/secrets/GITHUB")).status).toBe(204);
    await lookAround(client, []);
    host.child.stdin?.end();
    await host.line("closed");
    const { output } = await host.ended;

    const stored = await store.read();
    for (const bytes of stored) expect(leaksIn(secrets, bytes)).toEqual([]);
    for (const body of client.bodies) expect(leaksIn(secrets, body)).toEqual([]);
    expect(leaksIn(secrets, output)).toEqual([]);

    // What was looked through did hold the places where the secrets had been.
    expect(failures).toContain("Error: raw=<[secret]>");
    expect(output).toContain("log: ");
    expect(output).toContain("refused: raw=<[secret]>");
    for (const form of ["raw", "base64", "hex", "percent", "split base64", "split percent"]) {
      expect(logs.text).toContain(`noise: ${form} [secret]`);
    }
    expect(Buffer.concat(stored).includes("[secret]")).toBe(true);
    expect(Buffer.concat(stored).includes("refused: raw=<[secret]>")).toBe(true);
  }, 120_000);

  async function failingStarts(): Promise<string> {
    const bodies: string[] = [];
    for (const LEAK_AT of ["start", "initialize"]) {
      const environment = { TOKEN: "secret:GITHUB", LEAK_AT };
      const failed = await client.send("POST", "/instances", { serverId, environment });
      expect(failed.status, failed.text).toBeGreaterThanOrEqual(500);
      bodies.push(failed.text);
    }
    return bodies.join("\n");
  }
}
