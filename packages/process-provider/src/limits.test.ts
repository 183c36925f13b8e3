import { afterAll, describe, expect, it } from "vitest";
import { ANSWERING, converse, launchOf, scratchFolder, until } from "../test-support/children.ts";
import { heapOptions, withLimits } from "./limits.ts";
import { type ProcessProvider, processProvider } from "./process-provider.ts";

const scratch = scratchFolder();
const closeAfterwards: ProcessProvider[] = [];
afterAll(async () => {
  await Promise.all(closeAfterwards.map((provider) => provider.close()));
  await scratch.remove();
});

const options = { prlimitPath: "/usr/bin/prlimit", reservedMb: 0 };
const nowhere = { prlimitPath: undefined, reservedMb: 0 };
const command = { file: "/bin/server", args: ["--data=1", "x"] };

describe("a limit", () => {
  it("of memory is set by prlimit, which becomes the command", () => {
    expect(withLimits(command, { memoryMb: 256 }, options)).toEqual({
      file: "/usr/bin/prlimit",
      args: ["--data=268435456:268435456", "--", "/bin/server", "--data=1", "x"],
    });
  });

  it("of memory leaves room for what a runtime reserves and does not use", () => {
    const { args } = withLimits(command, { memoryMb: 128 }, { ...options, reservedMb: 512 });
    expect(args[0]).toBe("--data=671088640:671088640");
  });

  it("that cannot be held is refused, naming every such limit", () => {
    const resources = { cpus: 1, memoryMb: 256, diskMb: 10 };
    expect(() => withLimits(command, resources, nowhere)).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED", details: { limits: ["cpus", "diskMb", "memoryMb"] } }),
    );
    expect(() => withLimits(command, resources, options)).toThrow(
      expect.objectContaining({ details: { limits: ["cpus", "diskMb"] } }),
    );
  });

  it("that cannot be held is let go with bestEffort, and the others are held", () => {
    const resources = { cpus: 1, memoryMb: 1, bestEffort: true };
    expect(withLimits(command, resources, nowhere)).toEqual(command);
    expect(withLimits(command, resources, options).args[0]).toBe("--data=1048576:1048576");
  });

  it("nobody asked for changes nothing", () => {
    expect(withLimits(command, undefined, options)).toBe(command);
    expect(withLimits(command, {}, options)).toBe(command);
  });
});

describe("the limit of a heap", () => {
  it.each([
    [64, "--max-old-space-size=32"],
    [128, "--max-old-space-size=64"],
    [512, "--max-old-space-size=448"],
  ])("leaves room in %s MB for what is no heap", (memoryMb, expected) => {
    expect(heapOptions(memoryMb, undefined)).toBe(expected);
  });

  it("gives way to options that are passed on", () => {
    expect(heapOptions(256, "--no-warnings")).toBe("--max-old-space-size=192 --no-warnings");
  });
});

describe("a limit of memory", () => {
  it.each([128, 512])("starts a server of Node.js within %s MB that makes requests", async (memoryMb) => {
    const source = `const server = require("node:http").createServer((_, response) => response.end("hi"));
      server.listen(0, "127.0.0.1", async () => {
        const response = await fetch("http://127.0.0.1:" + server.address().port);
        console.error(await response.text(), process.env.NODE_OPTIONS);
      }); ${ANSWERING}`;
    const provider = processProvider({ stateDirectory: scratch.path, stopGraceMs: 1_000 });
    closeAfterwards.push(provider);
    const { id } = await provider.launch(launchOf(source, { resources: { memoryMb } }));
    const conversation = await converse(await provider.connect(id));
    expect(await conversation.ask("ping")).toEqual({ method: "ping" });
    const expected = `hi --max-old-space-size=${memoryMb === 128 ? 64 : 448}`;
    await until(async () => (await provider.logs(id)).some(({ text }) => text === expected));
  });
});
