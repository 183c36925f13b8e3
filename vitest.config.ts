import { defineConfig } from "vitest/config";

// Tests read the packages' TypeScript sources, so that nothing has to be built before `npm test`. Vitest hands
// these to Node as well: "import" must not be among them, or a require() in node_modules would get an ES module.
const conditions = ["@moorage/source", "module", "node"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["@moorage/source"] } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "test/**/*.test.ts"],
    pool: "forks",
    testTimeout: 20_000,
    hookTimeout: 30_000,
    reporters: ["default", "./test/support/plain-summary.ts"],
    globalSetup: ["./test/support/services.ts"],
  },
});
