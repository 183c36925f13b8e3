/** The host under test: a platform behind node:http in a process of its own, with authentication, limits and the call log on. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createPlatform } from "@moorage/core";
import { toNodeHandler } from "@moorage/core/node";
import { sqlite } from "@moorage/core/sqlite";
import { processProvider } from "@moorage/process-provider";
import { proxy } from "@moorage/proxy";
import { fixtureDefinition } from "@moorage/testing";

const PLENTY = { points: 1_000_000_000, durationSeconds: 60 };

const platform = createPlatform({
  database: sqlite(process.argv[2] ?? ":memory:"),
  providers: { local: processProvider() },
  proxy: proxy(),
  authenticate: (request) =>
    request.headers.get("authorization") === "Bearer bench-token" ? { id: "bench" } : null,
  limits: { instancesPerOwner: 100_000 },
  rateLimits: { api: PLENTY, toolCall: PLENTY, instanceCreate: PLENTY },
});

await platform.migrate();
await platform.start();
const server = await platform.catalog.register({ ...fixtureDefinition("echo-light"), visibility: "public" });
const listener = createServer(toNodeHandler(platform));
listener.listen(0, "127.0.0.1", () => {
  const { port } = listener.address() as AddressInfo;
  process.stdout.write(`listening http://127.0.0.1:${port}${platform.basePath} ${server.id}\n`);
});

process.stdin.resume();
process.stdin.on("end", async () => {
  listener.closeAllConnections();
  listener.close();
  await platform.close();
});
