import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processProvider } from "@moorage/process-provider";
import { fixtureRuntime } from "@moorage/testing";
import { describeProvider } from "@moorage/testing/suites";

describeProvider("processProvider", {
  async create() {
    const stateDirectory = await mkdtemp(join(tmpdir(), "moorage-contract-"));
    const provider = processProvider({ stateDirectory, stopGraceMs: 3_000 });
    return {
      provider,
      async close() {
        await provider.close();
        await rm(stateDirectory, { recursive: true, force: true });
      },
    };
  },
  request: (overrides) => ({
    instanceId: "0198f0a0-0000-7000-8000-00000000a001",
    generation: 1,
    ownerId: "owner",
    runtime: fixtureRuntime("echo"),
    environment: {},
    ...overrides,
  }),
});
