import { createHash } from "node:crypto";
import { chmod, lstat, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { PlatformError } from "@moorage/core";

/** Where the provider keeps files: one folder for each instance, and caches that all share. */
export interface Folders {
  readonly cacheFolder: string;
  /** Short text that is the same for the same state directory. */
  readonly stateTag: string;
  instanceFolder(instanceId: string): string;
  /** Makes the instance's folder, readable by this user alone. Throws `LAUNCH_FAILED` where that cannot be. */
  prepare(instanceId: string): Promise<string>;
  /** Removes the instance's folder with all that is in it. */
  remove(instanceId: string): Promise<void>;
}

/** `stateDirectory` defaults to a folder of this user below the system's folder for temporary files. */
export function createFolders(stateDirectory: string | undefined): Folders {
  const root = () => stateDirectory ?? join(tmpdir(), `moorage-${process.getuid?.() ?? "user"}`);
  const instances = () => join(root(), "instances");
  const instanceFolder = (instanceId: string) => join(instances(), folderName(instanceId));
  return {
    get cacheFolder() {
      return join(root(), "cache");
    },
    get stateTag() {
      return createHash("sha256").update(resolve(root())).digest("hex").slice(0, 16);
    },
    instanceFolder,
    async prepare(instanceId) {
      const folder = instanceFolder(instanceId);
      // The host's own choice may be shared with others, and may be a link; what is below it may not.
      const own = stateDirectory === undefined ? [root()] : [];
      for (const path of [...own, instances(), folder]) await makePrivate(path);
      return folder;
    },
    async remove(instanceId) {
      await rm(instanceFolder(instanceId), { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** A file name for an instance. Ids are chosen elsewhere and must not lead out of the folder. */
export function folderName(instanceId: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(instanceId)) return instanceId;
  return createHash("sha256").update(instanceId).digest("hex");
}

async function makePrivate(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const found = await lstat(path);
    // Anybody may make a folder of a foreseeable name in /tmp before we do.
    if (!found.isDirectory() || found.uid !== process.getuid?.())
      throw new Error("not a folder of this user");
    if ((found.mode & 0o077) !== 0) await chmod(path, 0o700);
  } catch (cause) {
    throw new PlatformError(
      "LAUNCH_FAILED",
      `The folder "${path}" cannot be used for servers; make sure that it is a folder of this user, or pass another "stateDirectory".`,
      { cause, details: {} },
    );
  }
}
