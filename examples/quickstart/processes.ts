import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
}

/** Whether a process with this id exists. Signal 0 asks without disturbing it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Every process that descends from this one, at this moment. */
export function descendants(): Set<number> {
  const entries = allProcesses();
  const found = new Set<number>();
  const queue = [process.pid];
  for (let parent = queue.pop(); parent !== undefined; parent = queue.pop()) {
    for (const entry of entries) {
      if (entry.parent !== parent || found.has(entry.pid)) continue;
      found.add(entry.pid);
      queue.push(entry.pid);
    }
  }
  return found;
}

function allProcesses(): ProcessEntry[] {
  if (process.platform === "linux") return readdirSync("/proc").flatMap(processFromFolder);
  if (process.platform === "win32") return [];
  const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid=,comm="], { encoding: "utf8" }).split("\n");
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , command]) => command !== undefined && command !== "ps")
    .map(([pid, parent]) => ({ pid: Number(pid), parent: Number(parent) }));
}

function processFromFolder(name: string): ProcessEntry[] {
  if (!/^\d+$/.test(name)) return [];
  try {
    // The program's name may hold spaces and brackets, so the fields are counted from the last bracket on.
    const [, parent] = readFileSync(`/proc/${name}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return [{ pid: Number(name), parent: Number(parent) }];
  } catch {
    return [];
  }
}
