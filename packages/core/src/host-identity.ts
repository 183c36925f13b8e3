import { readFile } from "node:fs/promises";
import type { Host } from "./store/hosts.ts";

/**
 * Who this process is, so that another one can tell whether it still lives: its pid, when it started, and
 * which boot of which machine that was. Where the system does not say (it is Linux that does), the lease
 * alone decides.
 */
export async function readIdentity(pid: number): Promise<Omit<Host, "id">> {
  const [machine_id, process_start] = await Promise.all([bootId(), startOf(pid)]);
  return { machine_id, pid, process_start };
}

/** Whether that process is certainly gone: it ran in this boot of this machine, and its pid is free or reused. */
export async function isGone(host: Omit<Host, "id">): Promise<boolean> {
  if (host.machine_id === null || host.process_start === null) return false;
  if (host.machine_id !== (await bootId())) return false;
  return (await startOf(host.pid)) !== host.process_start;
}

async function bootId(): Promise<string | null> {
  return readFile("/proc/sys/kernel/random/boot_id", "utf8").then(
    (text) => text.trim(),
    () => null,
  );
}

/** Clock ticks between boot and the start of the process; null where there is none, or only its zombie. */
async function startOf(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  if (stat === null) return null;
  // The second field is the program's name in parentheses, and may itself contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? null : (fields[19] ?? null);
}
