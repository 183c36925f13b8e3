export { type FakeClock, fakeClock } from "./fake-clock.ts";
export type { FakeProviderCall, FakeProviderMethod } from "./fake-faults.ts";
export { fakeProvider } from "./fake-provider.ts";
export type { FakeProvider, FakeProviderOptions } from "./fake-provider-types.ts";
export { type FakeTool, type FakeToolContext, type FakeToolResult, textResult } from "./fake-tools.ts";
export {
  FIXTURE_NAMES,
  type FixtureName,
  type FixtureServer,
  fixtureDefinition,
  fixtureRuntime,
  fixtureScript,
  fixtureServers,
  MISSING_PROGRAM,
} from "./fixtures.ts";
export { type TestDatabase, testDatabase } from "./test-database.ts";
export { bearerName, type TestPlatform, type TestPlatformOptions, testPlatform } from "./test-platform.ts";
