import type { Route } from "../route.ts";
import { eventRoutes } from "./events.ts";
import { instanceUseRoutes } from "./instance-use.ts";
import { instanceRoutes } from "./instances.ts";
import { platformRoutes } from "./platform.ts";
import { recordRoutes } from "./records.ts";
import { secretRoutes } from "./secrets.ts";
import { serverRoutes } from "./servers.ts";

/** Every route of the platform: what is answered, and what `GET /openapi.json` says. */
export const routeTable: readonly Route[] = [
  ...platformRoutes,
  ...serverRoutes,
  ...instanceRoutes,
  ...instanceUseRoutes,
  ...secretRoutes,
  ...eventRoutes,
  ...recordRoutes,
];
