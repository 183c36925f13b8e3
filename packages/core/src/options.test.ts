import { expect, test } from "vitest";
import { isPlatformError } from "./errors.ts";
import { readOptions } from "./options.ts";
import type { PlatformOptions } from "./platform-types.ts";

const database = { dialect: "sqlite", kysely: {} } as unknown as PlatformOptions["database"];

test("every plain option has a default", () => {
  expect(readOptions({ database })).toEqual({
    basePath: "/moorage",
    tablePrefix: "mcp_",
    requireActor: false,
    limits: { instancesPerOwner: 10, machinesPerOwner: 3, requestBytes: 4_194_304 },
    timeouts: { launchMs: 60_000, stopMs: 10_000, toolCallMs: 30_000, healthMs: 5_000 },
    healthIntervalMs: 30_000,
  });
});

test("one limit may be given without the others", () => {
  expect(readOptions({ database, limits: { instancesPerOwner: 2 } }).limits).toMatchObject({
    instancesPerOwner: 2,
    machinesPerOwner: 3,
  });
});

test.each([
  ["a misspelt option", { databse: 1 }, 'There is no option "databse"'],
  ["a base path with a slash at its end", { basePath: "/moorage/" }, "basePath"],
  ["a limit of nothing", { limits: { instancesPerOwner: 0 } }, "limits.instancesPerOwner"],
  ["a limit that does not exist", { limits: { servers: 3 } }, "servers"],
  ["a default provider that is not passed", { defaultProvider: "fly" }, '"fly" is not among the providers'],
])("%s is refused by name", (_, wrong, named) => {
  const read = () => readOptions({ database, ...wrong } as PlatformOptions);
  expect(read).toThrow(named);
  expect(read).toThrow(expect.toSatisfy((error) => isPlatformError(error, "INVALID_INPUT")));
});
