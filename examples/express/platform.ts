import { createPlatform, type Platform, rbac } from "@moorage/core";
import { sqlite } from "@moorage/core/sqlite";
import { processProvider } from "@moorage/process-provider";
import { proxy } from "@moorage/proxy";
import { scheduler } from "@moorage/scheduler";
import { vault } from "@moorage/vault";
import { actorOf } from "./actors.ts";

/** The platform that this example serves, on the SQLite file named by `databasePath`. */
export function buildPlatform(databasePath: string, keys: string): Platform<"local"> {
  return createPlatform({
    database: sqlite(databasePath),
    providers: { local: processProvider() },
    vault: vault({ keys }),
    scheduler: scheduler(),
    proxy: proxy(),
    authenticate: actorOf,
    authorize: rbac({ roles: { user: ["*"], admin: ["*:any"] }, defaultRole: "user" }),
    // Far above the defaults, so that somebody who tries things out does not run into them. Not for production.
    rateLimits: {
      api: { points: 100_000, durationSeconds: 60 },
      toolCall: { points: 100_000, durationSeconds: 60 },
      instanceCreate: { points: 10_000, durationSeconds: 60 },
    },
    limits: { instancesPerOwner: 1000 },
    basePath: "/moorage",
  });
}
