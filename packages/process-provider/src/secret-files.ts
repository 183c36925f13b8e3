import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, readlink, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { type LaunchRequest, PlatformError } from "@moorage/core";
import { folderName } from "./folders.ts";
import { isHostAlive } from "./identity.ts";
import type { ProcessTable } from "./process-table.ts";

/** Magic numbers of file systems that live in memory alone; see `man 2 statfs`. */
const TMPFS = 0x01021994;
const RAMFS = 0x858458f6;

const PREFIX = "moorage-secrets.";
/** `<boot id>.<pid>.<start ticks>` of the host, its pid namespace, the instance, something random. */
const FOLDER = /^moorage-secrets\.([0-9a-f-]+\.\d+\.\d+)\.(\d+)\.[A-Za-z0-9_-]+\.[0-9a-f]+$/;

/** Fails rather than opens what is there already, be it a file or a link. */
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Secrets of one resource as files, and the environment that names them. */
export interface DeliveredSecrets {
  readonly environment: Readonly<Record<string, string>>;
  /** Removes the files; does nothing the second time. */
  remove(): Promise<void>;
}

/** Puts secrets where only this user reads them and no disk keeps them. */
export interface SecretFiles {
  /**
   * The environment of the request. Where it asks for files, each secret is in one, named by `<NAME>_FILE`, and no
   * longer in the environment. Throws `UNSUPPORTED` where the machine has no folder in memory.
   */
  deliver(request: LaunchRequest): Promise<DeliveredSecrets>;
  /** Removes what hosts of this user that are gone have left. */
  sweep(): Promise<void>;
}

export interface SecretFilesOptions {
  /** Folders in memory to choose from, best first. */
  readonly candidates: readonly string[];
  readonly table: ProcessTable;
  hostTag(): string;
}

/** `secretDirectory` alone if it is given; otherwise `/dev/shm` or the user's runtime folder. */
export function secretFolders(settings: {
  readonly secretDirectory?: string;
  readonly hostEnvironment: Readonly<Record<string, string | undefined>>;
}): readonly string[] {
  if (settings.secretDirectory !== undefined) return [settings.secretDirectory];
  const { XDG_RUNTIME_DIR: runtime } = settings.hostEnvironment;
  return runtime?.startsWith("/") ? ["/dev/shm", runtime] : ["/dev/shm"];
}

export function createSecretFiles(options: SecretFilesOptions): SecretFiles {
  return {
    async deliver({ environment, secretNames = [], secretDelivery, instanceId }) {
      const names = secretNames.filter((name) => Object.hasOwn(environment, name));
      if (secretDelivery !== "file" || names.length === 0) return { environment, remove: async () => {} };
      const folder = await makeFolder(options, instanceId);
      const remove = () => rm(folder, { recursive: true, force: true });
      try {
        for (const name of names) await writeSecret(join(folder, name), environment[name] ?? "");
      } catch (error) {
        await remove();
        throw notWritten(folder, error);
      }
      const others = Object.entries(environment).filter(([name]) => !names.includes(name));
      const files = names.map((name): [string, string] => [`${name}_FILE`, join(folder, name)]);
      return { environment: Object.fromEntries([...others, ...files]), remove };
    },
    async sweep() {
      for (const parent of options.candidates) await sweepFolder(parent, options.table);
    },
  };
}

/** Throws `INVALID_INPUT` where a variable of the request has the name that a secret's file needs. */
export function checkSecretDelivery({ environment, secretNames = [], secretDelivery }: LaunchRequest): void {
  if (secretDelivery !== "file") return;
  const taken = secretNames.filter((name) => Object.hasOwn(environment, `${name}_FILE`));
  if (taken.length === 0) return;
  const issues = taken.map((name) => ({
    path: `environment.${name}_FILE`,
    message: `${name}_FILE names the file that ${name} is delivered in; leave it out.`,
  }));
  const text = issues.map(({ message }) => message).join(" ");
  throw new PlatformError("INVALID_INPUT", text, { details: { issues } });
}

async function makeFolder(options: SecretFilesOptions, instanceId: string): Promise<string> {
  const parent = await folderInMemory(options.candidates);
  const random = randomBytes(8).toString("hex");
  const parts = [options.hostTag(), await pidNamespace(), folderName(instanceId), random];
  const folder = join(parent, PREFIX + parts.join("."));
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    throw notWritten(folder, error);
  }
  return folder;
}

async function folderInMemory(candidates: readonly string[]): Promise<string> {
  for (const path of candidates) {
    const type = await statfs(path).then(
      (found) => found.type,
      () => undefined,
    );
    if (type === TMPFS || type === RAMFS) return path;
  }
  throw new PlatformError(
    "UNSUPPORTED",
    `Secrets go into files in memory only, and there is no tmpfs at ${candidates.join(" or ")}. ` +
      `Mount one and name it in the option "secretDirectory", or set secretDelivery to "environment".`,
  );
}

async function writeSecret(path: string, value: string): Promise<void> {
  const file = await open(path, NEW_FILE, 0o600);
  try {
    await file.writeFile(value);
  } finally {
    await file.close();
  }
}

/** Containers may share memory folders and not see each other's processes: each looks after its own. */
async function pidNamespace(): Promise<string> {
  const link = await readlink("/proc/self/ns/pid").catch(() => "");
  return /\d+/.exec(link)?.[0] ?? "0";
}

async function sweepFolder(parent: string, table: ProcessTable): Promise<void> {
  const names = (await readdir(parent).catch(() => [])).filter((name) => name.startsWith(PREFIX));
  if (names.length === 0) return;
  const namespace = await pidNamespace();
  for (const name of names) {
    const [, hostTag, madeIn] = FOLDER.exec(name) ?? [];
    if (hostTag === undefined || madeIn !== namespace || isHostAlive(table, hostTag)) continue;
    const path = join(parent, name);
    const found = await lstat(path).catch(() => undefined);
    if (!found?.isDirectory() || found.uid !== process.getuid?.()) continue;
    // Another host of this user may be sweeping as well.
    await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

function notWritten(folder: string, error: unknown): PlatformError {
  const code = String((error as { readonly code?: unknown } | undefined)?.code ?? "unknown error");
  return new PlatformError(
    "LAUNCH_FAILED",
    `The secrets could not be written to "${folder}" (${code}); make room there, or set secretDelivery to "environment".`,
    { details: {} },
  );
}
