import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createPlatform, type Platform } from "@moorage/core";
import { toExpress } from "@moorage/core/express";
import { sqlite } from "@moorage/core/sqlite";
import { processProvider } from "@moorage/process-provider";
import { proxy } from "@moorage/proxy";
import { scheduler } from "@moorage/scheduler";
import { generateKey, vault } from "@moorage/vault";
import express from "express";

/** Who owns everything on this tour, and the token with which she comes in from outside. */
export const OWNER = "ada";
export const TOKEN = randomBytes(24).toString("base64url");

/** A whole platform: a fresh SQLite file, one provider, a vault with a key of its own. */
export function buildPlatform(folder: string): Platform<"local"> {
  return createPlatform({
    database: sqlite(join(folder, "moorage.db")),
    providers: { local: processProvider() },
    vault: vault({ keys: generateKey() }),
    scheduler: scheduler(),
    proxy: proxy(),
    authenticate: (request) =>
      request.headers.get("authorization") === `Bearer ${TOKEN}` ? { id: OWNER } : null,
  });
}

/** Mounts the platform in an Express application of the host. */
export async function mount(platform: Platform<"local">): Promise<{ server: Server; url: string }> {
  const application = express();
  application.get("/", (_request, response) => {
    response.send("the host's own page");
  });
  application.use(toExpress(platform));
  const server = createServer(application);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/moorage` };
}

/** Ends the web server and every connection that is still open to it. */
export async function unmount(server: Server): Promise<void> {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
}
