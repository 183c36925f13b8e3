import type { Part } from "./part.ts";

/** The service of a plugin: listeners it sets up, requests it answers. All optional. */
export interface PluginService {
  /** Called by `platform.start()`, after the platform's own parts. */
  start?(): Promise<void>;
  /** Called by `platform.close()`, before the platform's own parts. */
  close?(): Promise<void>;
  /** Answers requests below `<basePath>/plugins/<name>`; it authenticates them itself. */
  handle?(request: Request): Promise<Response>;
}

/** Adds tables, listeners and routes to a platform; never types. */
export type Plugin = Part<PluginService>;
