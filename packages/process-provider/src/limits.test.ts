import { describe, expect, it } from "vitest";
import { withLimits } from "./limits.ts";

const command = { file: "/bin/server", args: ["--data=1", "x"] };

describe("a limit", () => {
  it("of memory is set by prlimit, which becomes the command", () => {
    expect(withLimits(command, { memoryMb: 256 }, "/usr/bin/prlimit")).toEqual({
      file: "/usr/bin/prlimit",
      args: ["--data=268435456:268435456", "--", "/bin/server", "--data=1", "x"],
    });
  });

  it("that cannot be held is refused, naming every such limit", () => {
    const resources = { cpus: 1, memoryMb: 256, diskMb: 10 };
    expect(() => withLimits(command, resources, undefined)).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED", details: { limits: ["cpus", "diskMb", "memoryMb"] } }),
    );
    expect(() => withLimits(command, resources, "/usr/bin/prlimit")).toThrow(
      expect.objectContaining({ details: { limits: ["cpus", "diskMb"] } }),
    );
  });

  it("that cannot be held is let go with bestEffort, and the others are held", () => {
    const resources = { cpus: 1, memoryMb: 1, bestEffort: true };
    expect(withLimits(command, resources, undefined)).toEqual(command);
    expect(withLimits(command, resources, "/p").args[0]).toBe("--data=1048576:1048576");
  });

  it("nobody asked for changes nothing", () => {
    expect(withLimits(command, undefined, "/usr/bin/prlimit")).toBe(command);
    expect(withLimits(command, {}, "/usr/bin/prlimit")).toBe(command);
  });
});
