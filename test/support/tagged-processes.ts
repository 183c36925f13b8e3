import { readdirSync, readFileSync } from "node:fs";

/** A live process that carries an instance's tag in its environment. */
export interface TaggedProcess {
  readonly pid: number;
  readonly parent: number;
  readonly instanceId: string;
  readonly generation: number;
}

/** Every process of this machine that was started for an instance, found without the provider's help. */
export function taggedProcesses(): readonly TaggedProcess[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readTagged(Number(name)));
}

/** The same, of these instances only. */
export function processesOf(instanceIds: readonly string[]): readonly TaggedProcess[] {
  return taggedProcesses().filter((process) => instanceIds.includes(process.instanceId));
}

function readTagged(pid: number): TaggedProcess[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    const value = (name: string) =>
      environment.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
    const instanceId = value("MOORAGE_INSTANCE");
    if (instanceId === undefined || fields[0] === "Z") return [];
    return [
      { pid, parent: Number(fields[1]), instanceId, generation: Number(value("MOORAGE_GENERATION") ?? 0) },
    ];
  } catch {
    // It ended while it was being read, or belongs to somebody else.
    return [];
  }
}
