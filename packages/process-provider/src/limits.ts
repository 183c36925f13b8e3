import { PlatformError, type ResourceLimits } from "@moorage/core";
import type { CommandLine } from "./command-line.ts";

/** What a process is like whose memory is to be limited. */
export interface LimitOptions {
  /** Where `prlimit` of util-linux is; undefined where there is none. */
  readonly prlimitPath: string | undefined;
  /** Megabytes that its runtime reserves as data and does not use, which the limit must leave room for. */
  readonly reservedMb: number;
}

/** Megabytes of a Node.js process besides the heap of its scripts. */
const BESIDES_HEAP_MB = 64;

/**
 * Puts `prlimit` of util-linux in front of a command where memory is limited: it sets the limit and becomes the
 * command, without another process. The limit is on the data segment of each process by itself, so that it holds
 * for Node's buffers as well. A process that does not make its reservation can outgrow `memoryMb` by `reservedMb`:
 * by 512 MB, in buffers, if it is a Node.js before 23 that is not the host's own. A worker thread of Node.js 23 and
 * later reserves another 512 MB, which count. Throws `UNSUPPORTED` for a limit that cannot be enforced, unless
 * `bestEffort` is set.
 */
export function withLimits(
  command: CommandLine,
  resources: ResourceLimits | undefined,
  { prlimitPath, reservedMb }: LimitOptions,
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
  const bytes = Math.ceil((memoryMb + reservedMb) * 1024 * 1024);
  return { file: prlimitPath, args: [`--data=${bytes}:${bytes}`, "--", command.file, ...command.args] };
}

/**
 * `NODE_OPTIONS` that keep the heap of a Node.js process within `memoryMb`: it collects garbage before it meets
 * the limit of the system, which would end it. `inherited` options come later and win.
 */
export function heapOptions(memoryMb: number, inherited: string | undefined): string {
  const heapMb = Math.ceil(Math.max(memoryMb - BESIDES_HEAP_MB, memoryMb / 2));
  const own = `--max-old-space-size=${heapMb}`;
  return inherited ? `${own} ${inherited}` : own;
}
