import { PlatformError, type ResourceLimits } from "@moorage/core";
import type { CommandLine } from "./command-line.ts";

/**
 * Puts `prlimit` of util-linux in front of a command where memory is limited: it sets the limit and becomes the
 * command, without another process. The limit is on the data segment of each process, so that it holds for
 * Node's buffers as well. Throws `UNSUPPORTED` for a limit that cannot be enforced, unless `bestEffort` is set.
 */
export function withLimits(
  command: CommandLine,
  resources: ResourceLimits | undefined,
  prlimitPath: string | undefined,
): CommandLine {
  const { cpus, memoryMb, diskMb, bestEffort = false } = resources ?? {};
  const refused = [
    cpus !== undefined && "cpus",
    diskMb !== undefined && "diskMb",
    memoryMb !== undefined && prlimitPath === undefined && "memoryMb",
  ].filter((name) => name !== false);
  if (refused.length > 0 && !bestEffort) {
    throw new PlatformError(
      "UNSUPPORTED",
      `The process provider cannot enforce resources.${refused.join(" and resources.")} on this machine; leave it out, set resources.bestEffort to run without it, or use a provider of containers.`,
      { details: { limits: refused } },
    );
  }
  if (memoryMb === undefined || prlimitPath === undefined) return command;
  const bytes = Math.ceil(memoryMb * 1024 * 1024);
  return { file: prlimitPath, args: [`--data=${bytes}:${bytes}`, "--", command.file, ...command.args] };
}
