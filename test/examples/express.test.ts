import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixtureScript } from "@moorage/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../support/architecture/source-files.ts";
import { type RunningProgram, startProgram } from "../support/programs.ts";

/** What a request was answered with, as far as these tests look at it. */
interface Answer {
  readonly status: number;
  readonly body: {
    readonly id: string;
    readonly state: string;
    readonly status: string;
    readonly error: { readonly code: string; readonly message: string };
    readonly items: readonly { readonly id: string }[];
    readonly approval: { readonly status: string; readonly hash: string };
    readonly [member: string]: unknown;
  };
}

const folder = mkdtempSync(join(tmpdir(), "moorage-express-test-"));
const databasePath = join(folder, "example.db");
let program: RunningProgram;
let base = "";

/** Sends a request as the holder of `<who>-token`, or as nobody. */
async function send(who: string | null, request: string, body?: object): Promise<Answer> {
  const [method = "GET", path = ""] = request.split(" ");
  const response = await fetch(base + path, {
    method,
    headers: {
      ...(who === null ? {} : { authorization: `Bearer ${who}-token` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: (text === "" ? {} : JSON.parse(text)) as Answer["body"] };
}

const definition = {
  name: "echo",
  description: "Says what it hears.",
  packages: [{ registryType: "command", command: process.execPath, args: [fixtureScript("echo")] }],
};

beforeAll(async () => {
  const env = { PORT: "0", MOORAGE_DB: databasePath };
  program = startProgram("npm", ["run", "--silent", "example:express"], { cwd: ROOT, env });
  const ready = await program.untilOutput(/^listening on (http:\/\/127\.0\.0\.1:\d+\/moorage)$/m);
  base = ready[1] ?? "";
}, 60_000);

afterAll(async () => {
  await program.stop();
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

describe("the Express example", () => {
  let serverId = "";
  let instanceId = "";

  it("says one line when it is ready, and nothing else", () => {
    expect(program.printed()).toBe(`listening on ${base}\n`);
    expect(existsSync(databasePath)).toBe(true);
  });

  it("answers 401 without a token and with a wrong one", async () => {
    for (const who of [null, "mallory"]) {
      const answer = await send(who, "GET /instances");
      expect(answer.status).toBe(401);
      expect(answer.body.error.code).toBe("UNAUTHENTICATED");
    }
  });

  it("runs nothing on the host that the admin has not approved", async () => {
    const registered = await send("alice", "POST /servers", definition);
    expect(registered.status).toBe(201);
    serverId = registered.body.id;
    const refused = await send("alice", "POST /instances", { serverId, provider: "local" });
    expect([refused.status, refused.body.error.code]).toEqual([403, "NOT_APPROVED"]);

    const { hash } = registered.body.approval;
    expect((await send("alice", `POST /servers/${serverId}/approve`, { hash })).status).toBe(403);
    const approved = await send("admin", `POST /servers/${serverId}/approve`, { hash });
    expect([approved.status, approved.body.approval.status]).toEqual([200, "approved"]);
  });

  it("starts alice's instance and calls its tool", async () => {
    const created = await send("alice", "POST /instances", { serverId, provider: "local" });
    expect([created.status, created.body.state], JSON.stringify(created.body)).toEqual([201, "running"]);
    instanceId = created.body.id;
    const call = await send("alice", `POST /instances/${instanceId}/tools/echo`, {
      arguments: { text: "hello", message: "hello" },
    });
    expect([call.status, call.body.status], JSON.stringify(call.body)).toEqual([200, "success"]);
    expect(JSON.stringify(call.body.result)).toContain("hello");
  });

  it("answers bob as if alice's instance did not exist", async () => {
    const unknown = "01930000-0000-7000-8000-000000000000";
    for (const request of ["GET /instances/ID", "POST /instances/ID/stop", "DELETE /instances/ID"]) {
      const foreign = await send("bob", request.replace("ID", instanceId));
      const missing = await send("bob", request.replace("ID", unknown));
      expect(foreign.status).toBe(404);
      expect(JSON.stringify(foreign.body).replace(instanceId, unknown)).toBe(JSON.stringify(missing.body));
    }
    expect((await send("bob", "GET /instances")).body.items).toEqual([]);
    expect((await send("alice", "GET /instances")).body.items.map(({ id }) => id)).toEqual([instanceId]);
  });

  it("lets the admin see and stop it", async () => {
    expect((await send("admin", "GET /instances")).body.items.map(({ id }) => id)).toContain(instanceId);
    const stopped = await send("admin", `POST /instances/${instanceId}/stop`);
    expect([stopped.status, stopped.body.state]).toEqual([200, "stopped"]);
  });

  it("exits 0 on SIGTERM and says nothing more", async () => {
    program.child.kill("SIGTERM");
    expect(await program.ended).toBe(0);
    expect(program.printed()).toBe(`listening on ${base}\n`);
    await expect(fetch(base)).rejects.toThrow();
  });
});
