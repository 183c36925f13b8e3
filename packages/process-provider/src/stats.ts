import type { ResourceStats } from "@moorage/core";
import type { ProcessEntry, ProcessTable } from "./process-table.ts";

/** Processor time that a set of processes had used at some time. */
export interface CpuSample {
  readonly at: number;
  readonly cpuTicks: number;
}

export interface Measurement {
  readonly entries: readonly ProcessEntry[];
  readonly now: number;
  readonly startedAt: number;
  /** The last sample; the share of the processor is taken since then, or since the start. */
  readonly previous: CpuSample | undefined;
  readonly table: ProcessTable;
}

const MS_PER_TICK = 10;

/** Adds up what processes use. A process that ended takes its time with it, so that the sum never goes below zero. */
export function measure(measurement: Measurement): {
  readonly stats: ResourceStats;
  readonly sample: CpuSample;
} {
  const { now, startedAt, table } = measurement;
  const entries = new Map(measurement.entries.map((entry) => [entry.pid, entry])).values();
  let cpuTicks = 0;
  let memoryBytes = 0;
  for (const entry of entries) {
    cpuTicks += entry.cpuTicks;
    memoryBytes += table.memoryBytes(entry.pid);
  }
  const since = measurement.previous ?? { at: startedAt, cpuTicks: 0 };
  const usedMs = Math.max(0, cpuTicks - since.cpuTicks) * MS_PER_TICK;
  const elapsedMs = now - since.at;
  const cpuPercent = elapsedMs > 0 ? Math.round((usedMs / elapsedMs) * 1000) / 10 : 0;
  return {
    stats: { cpuPercent, memoryBytes, uptimeMs: Math.max(0, now - startedAt) },
    sample: { at: now, cpuTicks },
  };
}
