import { buildEngine, layGround, makeGuards, offerServices } from "./assemble.ts";
import { createHttpHandler } from "./http/handler.ts";
import { Lifecycle } from "./lifecycle.ts";
import { readOptions } from "./options.ts";
import { mergeMigrations, requestHandlers } from "./parts.ts";
import type { Platform, PlatformOptions } from "./platform-types.ts";
import { checkHealth } from "./store/health.ts";
import { migrate } from "./store/migrate.ts";
import { platformTasks } from "./tasks.ts";

/**
 * Makes a platform out of a database, providers and parts. Does no I/O and reads no environment variable:
 * call `migrate()` and `start()` next. Throws `INVALID_INPUT` for options that do not fit.
 */
export function createPlatform<const ProviderName extends string = never>(
  options: PlatformOptions<ProviderName>,
): Platform<ProviderName> {
  const plain = readOptions(options);
  const ground = layGround(options, plain);
  const guards = makeGuards(options, plain, ground);
  const engine = buildEngine(options, plain, { ground, guards });
  const services = offerServices(options, plain, { ground, guards, engine });
  const scheduler = options.scheduler?.create(ground);
  const plugins = new Map(options.plugins?.map((plugin) => [plugin.name, plugin.create(ground)] as const));
  const tasks = platformTasks(ground, engine, plain.healthIntervalMs);
  const lifecycle = new Lifecycle({ ground, engine, scheduler, plugins, tasks });
  const handler = createHttpHandler({
    ...plain,
    ...ground,
    services,
    requestBytes: plain.limits.requestBytes,
    rateLimits: guards.rateLimits,
    authenticateToken: (token) => guards.tokens.authenticate(token),
    health: () => checkHealth(ground.database),
    plugins: requestHandlers(plugins),
    closing: lifecycle.closing,
    ...(options.authenticate ? { authenticate: options.authenticate } : {}),
  });
  const migrations = mergeMigrations(options);
  return {
    ...services,
    providers: Object.keys(options.providers ?? {}) as ProviderName[],
    basePath: plain.basePath,
    handler,
    migrate: (wanted) => migrate(ground.database, migrations, wanted),
    start: () => lifecycle.start(),
    tick: (task) => lifecycle.tick(task),
    close: () => lifecycle.close(),
    [Symbol.asyncDispose]: () => lifecycle.close(),
  };
}
