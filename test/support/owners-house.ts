import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rbac, systemClock } from "@moorage/core";
import { toNodeHandler } from "@moorage/core/node";
import { processProvider } from "@moorage/process-provider";
import { proxy } from "@moorage/proxy";
import { fixtureDefinition, testPlatform } from "@moorage/testing";
import { generateKey, vault } from "@moorage/vault";

/** One request to the platform, by path below its base. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What came back, down to the bytes of the body. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** What one owner has, and who may not know of it. */
export interface Belongings {
  readonly owner: string;
  readonly serverId: string;
  readonly approvalHash: string;
  readonly instanceId: string;
  /** An instance that does not run; it was granted the secret of the other one. */
  readonly granteeId: string;
  /** The name of three secrets: the owner's at large, the instance's and the server's. */
  readonly secretName: string;
  /** An access token of the instance, and its id. */
  readonly token: string;
  readonly tokenId: string;
  /** A session at the instance's MCP endpoint. */
  readonly sessionId: string;
}

/** A platform behind a real HTTP server, with a process provider and roles. */
export interface OwnersHouse {
  /** Sends as the bearer of this token, or as nobody; the names are those of `bearerName`. */
  send(bearer: string | null, call: Call): Promise<Answer>;
  /** The same, for an answer that must be good; gives its JSON. */
  ask<Body>(bearer: string, call: Call): Promise<Body>;
  /** The address below which every path is. */
  readonly base: string;
  close(): Promise<void>;
}

/** The headers that a client of the MCP endpoint sends. */
export const MCP_HEADERS = { accept: "application/json, text/event-stream" };

/** The first message of an MCP session. */
export const INITIALIZE = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1.0.0" } },
};

/** Opens it: `admin` may do everything, everybody else everything on what is their own. */
export async function openOwnersHouse(): Promise<OwnersHouse> {
  const stateDirectory = mkdtempSync(join(tmpdir(), "moorage-owners-"));
  const { platform, close } = await testPlatform({
    clock: systemClock,
    providers: { local: processProvider({ stateDirectory }) },
    defaultProvider: "local",
    proxy: proxy(),
    vault: vault({ keys: generateKey("k1") }),
    authorize: rbac({ roles: { admin: ["*:any"], user: ["*"] }, defaultRole: "user" }),
    rateLimits: { api: false, toolCall: false, instanceCreate: false },
  });
  const server = createServer(toNodeHandler(platform));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const base = `http://127.0.0.1:${port}${platform.basePath}`;
  return {
    base,
    send: (bearer, call) => send(base, bearer, call),
    ask: async (bearer, call) => {
      const { status, text } = await send(base, bearer, call);
      if (status >= 300) throw new Error(`${call.method} ${call.path} was answered with ${status}: ${text}`);
      return JSON.parse(text);
    },
    async close() {
      await platform.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await close();
      rmSync(stateDirectory, { recursive: true, force: true });
    },
  };
}

async function send(base: string, bearer: string | null, call: Call): Promise<Answer> {
  const headers = {
    ...(bearer !== null && { authorization: `Bearer ${bearer}` }),
    ...(call.body !== undefined && { "content-type": "application/json" }),
    ...call.headers,
  };
  const body = call.body === undefined ? {} : { body: JSON.stringify(call.body) };
  const response = await fetch(base + call.path, { method: call.method, headers, ...body });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Gives the owner one of everything: a server, a running instance that was called, secrets, a grant, a token, a session. */
export async function furnish(house: OwnersHouse, owner: string): Promise<Belongings> {
  const post = <Body>(path: string, body: unknown, as = owner) =>
    house.ask<Body>(as, { method: "POST", path, body });
  const definition = fixtureDefinition("echo-light", { name: `echo-of-${owner}` });
  const server = await post<{ id: string; approval: { hash: string } }>("/servers", definition);
  const approvalHash = server.approval.hash;
  await post(`/servers/${server.id}/approve`, { hash: approvalHash }, "admin");
  const secretName = `${owner.toUpperCase()}_KEY`;
  const value = `the-secret-of-${owner}`;
  const put = (scope: object) =>
    house.ask(owner, { method: "PUT", path: `/secrets/${secretName}`, body: { value, scope } });
  await put({ kind: "owner" });
  const environment = { TOKEN: `secret:${secretName}` };
  const instance = await post<{ id: string }>("/instances", { serverId: server.id, environment });
  const grantee = await post<{ id: string }>("/instances", { serverId: server.id, enabled: false });
  const scope = { kind: "instance", id: instance.id };
  await put(scope);
  await put({ kind: "server", id: server.id });
  const grants = `/secrets/${secretName}/grants`;
  await house.send(owner, { method: "POST", path: grants, body: { toInstanceId: grantee.id, scope } });
  const path = `/instances/${instance.id}`;
  await post(`${path}/tools/echo`, { arguments: { message: `hello from ${owner}` } });
  const token = await post<{ id: string; token: string }>(`${path}/tokens`, {});
  const session = await house.send(owner, {
    method: "POST",
    path: `${path}/mcp`,
    body: INITIALIZE,
    headers: MCP_HEADERS,
  });
  return {
    owner,
    serverId: server.id,
    approvalHash,
    instanceId: instance.id,
    granteeId: grantee.id,
    secretName,
    token: token.token,
    tokenId: token.id,
    sessionId: session.headers.get("mcp-session-id") ?? "",
  };
}
