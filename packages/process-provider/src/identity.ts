import type { ProcessEntry, ProcessTable } from "./process-table.ts";
import { isLive, sharesPidNamespace } from "./process-table.ts";

/** Variables that mark every process of a server, grandchildren included, as somebody's. */
export const TAGS = {
  instance: "MOORAGE_INSTANCE",
  generation: "MOORAGE_GENERATION",
  /** The host process: `<bootId>.<pid>.<startTicks>`. */
  host: "MOORAGE_HOST",
  /** One connection's child among those of the same host process. */
  child: "MOORAGE_CHILD",
  /** Stands for the state directory: whose leftovers they are, where several applications share a machine. */
  state: "MOORAGE_STATE",
} as const;

/** What a resource id says: the first process of the resource, and whose it is. */
export interface ResourceIdentity {
  readonly bootId: string;
  readonly pid: number;
  readonly startTicks: number;
  readonly generation: number;
  readonly instanceId: string;
}

/** Stands for the boot id on machines that have no `/proc`, where ids mean nothing to another host process. */
export const NO_BOOT_ID = "local";

/** `<bootId>:<pid>:<startTicks>:<generation>:<instanceId>`: enough to find the resource again, or to know that it is gone. */
export function formatResourceId(identity: ResourceIdentity): string {
  const { bootId, pid, startTicks, generation, instanceId } = identity;
  return [bootId, pid, startTicks, generation, instanceId].join(":");
}

/** Undefined for text that no provider of this kind has made. */
export function parseResourceId(id: string): ResourceIdentity | undefined {
  const match = /^([0-9a-f-]{36}|local):(\d{1,10}):(\d{1,15}):(\d{1,15}):(.+)$/s.exec(id);
  if (!match) return undefined;
  const [, bootId = "", pid, startTicks, generation, instanceId = ""] = match;
  return {
    bootId,
    pid: Number(pid),
    startTicks: Number(startTicks),
    generation: Number(generation),
    instanceId,
  };
}

/** The value of the host tag for this process. */
export function hostTagOf(table: ProcessTable, pid: number): string {
  return `${table.bootId ?? NO_BOOT_ID}.${pid}.${table.read(pid)?.startTicks ?? 0}`;
}

/** Whether the host process that a tag names still lives; a process that has only its pid is another one. */
export function isHostAlive(table: ProcessTable, hostTag: string): boolean {
  const [bootId, pid, startTicks] = hostTag.split(".");
  if (bootId !== table.bootId) return false;
  const entry = table.read(Number(pid));
  return isLive(entry) && entry.startTicks === Number(startTicks);
}

/** Whether a process belongs to a server whose host is gone. Those of containers are left to the hosts in there. */
export function isOrphan(table: ProcessTable, entry: ProcessEntry): boolean {
  const hostTag = entry.tags[TAGS.host];
  return hostTag !== undefined && !isHostAlive(table, hostTag) && sharesPidNamespace(entry.pid);
}

/**
 * The processes of one resource: its first process and that one's group, which need no tag to be known, and
 * whatever carries the tags of its instance and generation.
 */
export function entriesOf(
  identity: ResourceIdentity,
  table: ProcessTable,
  entries: readonly ProcessEntry[],
): ProcessEntry[] {
  if (identity.bootId !== table.bootId) return [];
  const isFirst = (entry: ProcessEntry) =>
    entry.pid === identity.pid && entry.startTicks === identity.startTicks;
  const hasFirst = entries.some(isFirst);
  return entries.filter(
    (entry) =>
      (hasFirst && entry.groupId === identity.pid) ||
      isFirst(entry) ||
      (entry.tags[TAGS.instance] === identity.instanceId &&
        entry.tags[TAGS.generation] === String(identity.generation) &&
        sharesPidNamespace(entry.pid)),
  );
}
