// A platform inside a Fastify application. For trying out, not for production.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPlatform } from "@moorage/core";
import { toFastify } from "@moorage/core/fastify";
import { sqlite } from "@moorage/core/sqlite";
import { processProvider } from "@moorage/process-provider";
import { proxy } from "@moorage/proxy";
import { scheduler } from "@moorage/scheduler";
import { generateKey, vault } from "@moorage/vault";
import Fastify from "fastify";

const folder = mkdtempSync(join(tmpdir(), "moorage-fastify-"));
const platform = createPlatform({
  database: sqlite(join(folder, "moorage.db")),
  providers: { local: processProvider() },
  vault: vault({ keys: generateKey() }),
  scheduler: scheduler(),
  proxy: proxy(),
  authenticate: (request) =>
    request.headers.get("authorization") === "Bearer alice-token" ? { id: "alice" } : null,
});

const application = Fastify();
application.get("/", async () => "the host's own page");
await application.register(toFastify(platform));
// Fastify closes in the order of registration, so the platform goes with the application that holds it.
application.addHook("onClose", async () => {
  await platform.close();
  rmSync(folder, { recursive: true, force: true });
});

await platform.migrate();
await platform.start();
const address = await application.listen({ port: Number(process.env.PORT ?? 8788), host: "127.0.0.1" });
console.log(`listening on ${address}/moorage`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void application.close());
}
