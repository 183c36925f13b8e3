// A platform with a provider of its own: it runs an MCP server without any process or container.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPlatform } from "@moorage/core";
import { sqlite } from "@moorage/core/sqlite";
import { proxy } from "@moorage/proxy";
import { clockProvider } from "./clock-provider.ts";

const folder = await mkdtemp(join(tmpdir(), "moorage-custom-provider-"));
const platform = createPlatform({
  database: sqlite(join(folder, "moorage.db")),
  providers: { clock: clockProvider() },
  proxy: proxy(),
});

try {
  await platform.migrate();
  await platform.start();
  const server = await platform.catalog.register(
    {
      name: "clock",
      description: "Tells the time.",
      packages: [{ registryType: "command", command: "clock" }],
    },
    { ownerId: "ada" },
  );
  const instance = await platform.instances.create({ serverId: server.id, ownerId: "ada" });
  console.log(`instance ${instance.id} is ${instance.state} on provider "${instance.provider}"`);
  const { result } = await platform.tools.call(instance.id, { name: "time" });
  console.log(`the clock says ${JSON.stringify(result.content)}`);
} finally {
  await platform.close();
  await rm(folder, { recursive: true, force: true });
}
