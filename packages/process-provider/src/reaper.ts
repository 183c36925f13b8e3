import type { Clock, Resource } from "@moorage/core";
import {
  entriesOf,
  formatResourceId,
  isHostAlive,
  isOrphan,
  type ResourceIdentity,
  TAGS,
} from "./identity.ts";
import type { ProcessEntry, ProcessTable } from "./process-table.ts";
import { endAll, signalEntry, stagesOf } from "./terminate.ts";

/** Milliseconds: whoever lost its host has had the end of its input as a notice, and a start waits for it. */
const MAX_ORPHAN_GRACE_MS = 3_000;

export interface ReaperContext {
  readonly table: ProcessTable;
  readonly clock: Clock;
}

/** What is known of a resource that this provider did not launch: orphaned, running under another host, or absent. */
export async function inspectForeign(
  id: string,
  identity: ResourceIdentity,
  table: ProcessTable,
): Promise<Resource> {
  const entries = entriesOf(identity, table, await table.scan());
  const { instanceId, generation } = identity;
  if (entries.length === 0) return { id, state: "absent" };
  const isHeld = entries.some(({ tags }) => isHostAlive(table, tags[TAGS.host] ?? ""));
  const message = isHeld
    ? "Another process of this machine holds its connection."
    : "The host that held its connection is gone.";
  const pid = entries.find((entry) => entry.pid === identity.pid)?.pid ?? entries[0]?.pid ?? null;
  return { id, instanceId, generation, message, state: isHeld ? "running" : "orphaned", details: { pid } };
}

/** Every resource of this state directory whose host is gone, one for each instance and generation. */
export async function listOrphans(table: ProcessTable, stateTag: string): Promise<Resource[]> {
  const resources = new Map<string, ProcessEntry[]>();
  for (const entry of await table.scan()) {
    if (entry.tags[TAGS.state] !== stateTag || !isOrphan(table, entry)) continue;
    const key = [TAGS.instance, TAGS.generation, TAGS.host].map((name) => entry.tags[name]).join("\0");
    resources.set(key, [...(resources.get(key) ?? []), entry]);
  }
  return [...resources.values()].flatMap((entries) => describeOrphan(entries, table) ?? []);
}

function describeOrphan(entries: readonly ProcessEntry[], table: ProcessTable): Resource | undefined {
  const leaders = entries.filter(({ pid, groupId }) => pid === groupId);
  const [first] = (leaders.length > 0 ? leaders : [...entries]).sort(
    (left, right) => left.startTicks - right.startTicks || left.pid - right.pid,
  );
  const instanceId = first?.tags[TAGS.instance];
  const generation = Number(first?.tags[TAGS.generation]);
  if (!first || !instanceId || !table.bootId || !Number.isSafeInteger(generation)) return undefined;
  const { pid, startTicks } = first;
  const id = formatResourceId({ bootId: table.bootId, pid, startTicks, generation, instanceId });
  return { id, instanceId, generation, state: "orphaned", details: { pid, processes: entries.length } };
}

/** Ends every process of a resource that is not a child of this host process, within three seconds or so. */
export async function endForeign(
  identity: ResourceIdentity,
  context: ReaperContext,
  graceMs: number,
): Promise<void> {
  const { table } = context;
  await endEntries(async () => entriesOf(identity, table, await table.scan()), context, graceMs);
}

/** Ends what dead hosts left behind of an instance, of whatever generation. */
export async function endOrphansOf(
  instanceId: string,
  context: ReaperContext,
  graceMs: number,
): Promise<void> {
  const { table } = context;
  const select = async () => {
    const entries = await table.scan();
    const marked = entries.filter(
      (entry) => entry.tags[TAGS.instance] === instanceId && isOrphan(table, entry),
    );
    const groups = new Set(marked.filter(({ pid, groupId }) => pid === groupId).map(({ pid }) => pid));
    return entries.filter((entry) => marked.includes(entry) || groups.has(entry.groupId));
  };
  await endEntries(select, context, graceMs);
}

/** Whether any process of this user is marked as one of the instance's. */
export async function hasProcesses(instanceId: string, table: ProcessTable): Promise<boolean> {
  return (await table.scan()).some((entry) => entry.tags[TAGS.instance] === instanceId);
}

async function endEntries(
  select: () => Promise<readonly ProcessEntry[]>,
  { table, clock }: ReaperContext,
  graceMs: number,
): Promise<void> {
  const seen = new Map<string, ProcessEntry>();
  // A group is known by its first process; once that one has ended, by what was seen of it before.
  const current = async () => {
    for (const entry of await select()) seen.set(`${entry.pid}.${entry.startTicks}`, entry);
    for (const [key, entry] of seen) {
      const now = table.read(entry.pid);
      if (now?.startTicks !== entry.startTicks || now.state === "Z" || now.state === "X") seen.delete(key);
    }
    return [...seen.values()];
  };
  const target = {
    description: "A process that an earlier host left behind",
    remaining: async () => (await current()).length,
    signal: async (signal: NodeJS.Signals) => {
      for (const entry of await current()) signalEntry(table, entry, signal);
    },
  };
  await endAll(target, { clock, ...stagesOf(Math.min(graceMs, MAX_ORPHAN_GRACE_MS)) });
}
