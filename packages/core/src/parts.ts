import type { PluginService } from "./contracts/plugin.ts";
import { PlatformError } from "./errors.ts";
import type { PlatformOptions } from "./platform-types.ts";
import type { Migrations } from "./store/database.ts";
import { coreMigrations } from "./store/migrations.ts";

interface Named {
  readonly name: string;
  readonly migrations?: Migrations;
}

/**
 * Core's migrations, then each part's. Throws `CONFLICT` where two parts have one name, or a step does not
 * begin with the name of its part.
 */
export function mergeMigrations(options: PlatformOptions): Migrations {
  const { vault, scheduler, proxy, plugins = [] } = options;
  const parts: readonly Named[] = [vault, scheduler, proxy, ...plugins].filter((part) => part !== undefined);
  const merged: Record<string, Migrations[string]> = { ...coreMigrations };
  const names = new Set<string>();
  for (const part of parts) {
    if (names.has(part.name)) throw conflict(`Two parts are named "${part.name}". Rename one.`);
    names.add(part.name);
    for (const [step, migration] of Object.entries(part.migrations ?? {})) {
      if (!step.startsWith(`${part.name}-`)) {
        throw conflict(`Migration "${step}" of part "${part.name}" must begin with "${part.name}-".`);
      }
      merged[step] = migration;
    }
  }
  return merged;
}

/** What answers below `/plugins/<name>`, for the plugins that do. */
export function requestHandlers(
  plugins: ReadonlyMap<string, PluginService>,
): ReadonlyMap<string, (request: Request) => Promise<Response>> {
  const handlers = new Map<string, (request: Request) => Promise<Response>>();
  for (const [name, plugin] of plugins) {
    const handle = plugin.handle?.bind(plugin);
    if (handle) handlers.set(name, handle);
  }
  return handlers;
}

function conflict(message: string): PlatformError {
  return new PlatformError("CONFLICT", message);
}
