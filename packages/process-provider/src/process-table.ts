import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";

/** One process as the kernel describes it in `/proc/<pid>/stat`; `pid` and `startTicks` together never recur within one boot. */
export interface ProcessEntry {
  readonly pid: number;
  /** One letter; `Z` and `X` are dead. */
  readonly state: string;
  readonly groupId: number;
  readonly sessionId: number;
  /** When it started, in clock ticks since boot. */
  readonly startTicks: number;
  /** Processor time it used so far, in hundredths of a second. */
  readonly cpuTicks: number;
  /** Its variables whose names start with `MOORAGE_`; filled in by `scan` only. */
  readonly tags: Readonly<Record<string, string>>;
}

/** What can be learnt about processes. Where there is no `/proc`, `bootId` is null and nothing is ever found. */
export interface ProcessTable {
  /** Changes with every boot of the machine. */
  readonly bootId: string | null;
  /** One process, dead ones that are still listed included; undefined for a pid that is not in use. */
  read(pid: number): ProcessEntry | undefined;
  /** Live processes of this user, read after the call was made. Concurrent callers share a reading. */
  scan(): Promise<readonly ProcessEntry[]>;
  /** Resident memory in bytes; 0 for a process that is gone. */
  memoryBytes(pid: number): number;
}

const PIDS_PER_TURN = 64;

/** Whether the process can still do anything: a zombie is listed, and cannot. */
export function isLive(entry: ProcessEntry | undefined): entry is ProcessEntry {
  return entry !== undefined && entry.state !== "Z" && entry.state !== "X";
}

/** Reads the process table of Linux; see `man 5 proc`. Does no I/O before it is asked. */
export function createProcessTable(): ProcessTable {
  let bootId: string | null | undefined;
  let waiting: Promise<readonly ProcessEntry[]> | undefined;
  let running: Promise<unknown> = Promise.resolve();

  return {
    get bootId() {
      bootId ??= readText("/proc/sys/kernel/random/boot_id")?.trim() || null;
      return bootId;
    },
    read: readEntry,
    scan() {
      // A caller that just sent a signal must not be answered from a reading that began before it.
      waiting ??= running.then(() => {
        waiting = undefined;
        const reading = readAll();
        running = reading.catch(() => {});
        return reading;
      });
      return waiting;
    },
    memoryBytes(pid) {
      const kibibytes = readText(`/proc/${pid}/status`)?.match(/^VmRSS:\s+(\d+) kB$/m)?.[1];
      return Number(kibibytes ?? 0) * 1024;
    },
  };
}

async function readAll(): Promise<ProcessEntry[]> {
  const pids = listPids();
  const found: ProcessEntry[] = [];
  for (let start = 0; start < pids.length; start += PIDS_PER_TURN) {
    // Synchronous reads of /proc are far cheaper than asynchronous ones; in slices they do not stall the host.
    for (const pid of pids.slice(start, start + PIDS_PER_TURN)) {
      const entry = readTagged(pid);
      if (isLive(entry)) found.push(entry);
    }
    await turn();
  }
  return found;
}

function listPids(): number[] {
  try {
    return readdirSync("/proc")
      .map(Number)
      .filter((pid) => Number.isInteger(pid) && pid > 0);
  } catch {
    return [];
  }
}

function readTagged(pid: number): ProcessEntry | undefined {
  const before = readEntry(pid);
  const text = before && readText(`/proc/${pid}/environ`);
  if (!before || text === undefined || !isOfThisUser(pid)) return undefined;
  if (!text.includes("MOORAGE_")) return before;
  // The pid may have passed to another process between the two readings.
  return readEntry(pid)?.startTicks === before.startTicks ? { ...before, tags: tagsOf(text) } : undefined;
}

function readEntry(pid: number): ProcessEntry | undefined {
  const text = readText(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The second field is the program's name, which may hold spaces and parentheses itself.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const field = (position: number) => Number(fields[position - 3]);
  return {
    pid,
    state: fields[0] ?? "X",
    groupId: field(5),
    sessionId: field(6),
    cpuTicks: field(14) + field(15),
    startTicks: field(22),
    tags: {},
  };
}

function tagsOf(environment: string): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const line of environment.split("\0")) {
    const equals = line.indexOf("=");
    if (equals > 0 && line.startsWith("MOORAGE_")) tags[line.slice(0, equals)] = line.slice(equals + 1);
  }
  return tags;
}

function isOfThisUser(pid: number): boolean {
  try {
    return statSync(`/proc/${pid}`).uid === process.getuid?.();
  } catch {
    return false;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Whether two processes see the same process ids; pids of a container mean nothing outside it. */
export function sharesPidNamespace(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`) === readlinkSync("/proc/self/ns/pid");
  } catch {
    return false;
  }
}
