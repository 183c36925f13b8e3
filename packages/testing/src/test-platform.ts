import {
  type Actor,
  type Clock,
  createPlatform,
  type DatabaseHandle,
  type Platform,
  type PlatformOptions,
  type Provider,
} from "@moorage/core";
import { type FakeClock, fakeClock } from "./fake-clock.ts";
import { fakeProvider } from "./fake-provider.ts";
import type { FakeProvider } from "./fake-provider-types.ts";
import { testDatabase } from "./test-database.ts";

/** Any option of a platform may be replaced; nothing is required. */
export interface TestPlatformOptions<
  ProviderName extends string = never,
  PlatformClock extends Clock = FakeClock,
> extends Omit<Partial<PlatformOptions<ProviderName | "fake">>, "database" | "providers" | "clock"> {
  /** `"sqlite"` if left out; a Postgres URL; or a handle, which the platform then closes and nobody removes. */
  readonly database?: string | DatabaseHandle;
  /** The provider named `fake`; a new one, on the platform's clock, if left out. */
  readonly provider?: FakeProvider;
  /** Providers beside `fake`, which stays the default one. */
  readonly providers?: Readonly<Record<ProviderName, Provider>>;
  /** A clock that stands still if left out. */
  readonly clock?: PlatformClock;
  /** `false`: migrated, but not started. */
  readonly start?: boolean;
}

/** A platform for a test, and the levers to move its world with. */
export interface TestPlatform<ProviderName extends string = never, PlatformClock extends Clock = FakeClock> {
  readonly platform: Platform<ProviderName | "fake">;
  readonly provider: FakeProvider;
  readonly clock: PlatformClock;
  /** Closes the platform and removes its database. */
  close(): Promise<void>;
}

/** Who sends `authorization: Bearer <name>` is the actor of that name; `admin` has the role `admin`. */
export function bearerName(request: Request): Actor | null {
  const name = /^Bearer (\S+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
  if (name === undefined) return null;
  return name === "admin" ? { id: name, roles: ["admin"] } : { id: name };
}

/**
 * Makes a platform on an empty database of its own, with a {@link fakeProvider} under the name `fake`, a clock that
 * stands still, and {@link bearerName} as its `authenticate`; migrates and starts it.
 */
export async function testPlatform<
  ProviderName extends string = never,
  PlatformClock extends Clock = FakeClock,
>(
  options: TestPlatformOptions<ProviderName, PlatformClock> = {},
): Promise<TestPlatform<ProviderName, PlatformClock>> {
  const { database: where = "sqlite", provider: given, providers, clock: ownClock, start, ...rest } = options;
  // The default of the type parameter says what the clock is where none was given.
  const clock = (ownClock ?? fakeClock()) as PlatformClock;
  const provider = given ?? fakeProvider({ clock });
  const database = await databaseFor(where);
  try {
    const platform = createPlatform<ProviderName | "fake">({
      authenticate: bearerName,
      ...rest,
      defaultProvider: rest.defaultProvider ?? "fake",
      database: database.handle,
      providers: { ...providers, fake: provider } as Record<ProviderName | "fake", Provider>,
      clock,
    });
    const close = () => platform.close().finally(() => database.close());
    await begin(platform, start).catch((error) => close().finally(() => Promise.reject(error)));
    return { platform, provider, clock, close };
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function begin(platform: Platform, start = true): Promise<void> {
  await platform.migrate();
  if (start) await platform.start();
}

async function databaseFor(
  where: string | DatabaseHandle,
): Promise<{ readonly handle: DatabaseHandle; close(): Promise<void> }> {
  return typeof where === "string" ? testDatabase(where) : { handle: where, close: async () => {} };
}
