// A platform inside an Express application, with two users and an admin. For trying out, not for production.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toExpress } from "@moorage/core/express";
import { generateKey } from "@moorage/vault";
import express from "express";
import { buildPlatform } from "./platform.ts";

const { PORT = "8787", MOORAGE_DB, MOORAGE_KEYS } = process.env;
const folder = MOORAGE_DB === undefined ? mkdtempSync(join(tmpdir(), "moorage-express-")) : undefined;
const platform = buildPlatform(MOORAGE_DB ?? join(folder ?? "", "moorage.db"), MOORAGE_KEYS ?? generateKey());
await platform.migrate();
await platform.start();

const application = express();
application.use(toExpress(platform));
const server = createServer(application);
server.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}/moorage`);
});

/** Ends the server, the platform and with it every process it runs, then this process. */
async function shutDown(exitCode: number): Promise<void> {
  server.close();
  server.closeAllConnections();
  await platform.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  process.exit(exitCode);
}

process.once("SIGINT", () => void shutDown(0));
process.once("SIGTERM", () => void shutDown(0));
server.once("error", (error) => {
  console.error(error.message);
  void shutDown(1);
});
