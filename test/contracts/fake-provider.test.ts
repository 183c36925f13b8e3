import { fakeProvider, fixtureRuntime } from "@moorage/testing";
import { describeProvider } from "@moorage/testing/suites";

for (const locality of ["host", "shared"] as const) {
  describeProvider(`fakeProvider, ${locality}`, {
    async create() {
      const provider = fakeProvider({ locality });
      return { provider, close: () => provider.close() };
    },
    request: (overrides) => ({
      instanceId: "0198f0a0-0000-7000-8000-000000000001",
      generation: 1,
      ownerId: "owner",
      runtime: fixtureRuntime("echo"),
      environment: {},
      ...overrides,
    }),
  });
}
