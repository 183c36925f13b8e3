import { stat } from "node:fs/promises";
import { type LaunchRequest, PlatformError } from "@moorage/core";
import { type CommandLine, commandLineOf } from "./command-line.ts";
import { childEnvironment } from "./environment.ts";
import { findExecutable } from "./executable.ts";
import type { Folders } from "./folders.ts";
import { NO_BOOT_ID, TAGS } from "./identity.ts";
import { withLimits } from "./limits.ts";
import type { Settings } from "./options.ts";
import type { ProcessTable } from "./process-table.ts";
import { launchFailed, type ServerProcess, spawnServer } from "./spawn.ts";

/** What all servers of one provider share. */
export interface ServerHost {
  readonly settings: Settings;
  readonly table: ProcessTable;
  readonly folders: Folders;
  /** Names this host process in the tags of its children; read when the first is started. */
  hostTag(): string;
  nextChildTag(): string;
}

/** A process that was just started, and the marks it bears. */
export interface StartedProcess {
  readonly server: ServerProcess;
  readonly tags: Readonly<Record<string, string>>;
}

/** The name of this machine's run in resource ids. */
export function bootIdOf(host: ServerHost): string {
  return host.table.bootId ?? NO_BOOT_ID;
}

/** Starts one process of a request. Throws `LAUNCH_FAILED`, or `UNSUPPORTED` for a limit that cannot be held. */
export async function startProcess(request: LaunchRequest, host: ServerHost): Promise<StartedProcess> {
  const { settings, folders, table } = host;
  const folder = await folders.prepare(request.instanceId);
  const tags = {
    [TAGS.instance]: request.instanceId,
    [TAGS.generation]: String(request.generation),
    [TAGS.host]: host.hostTag(),
    [TAGS.child]: host.nextChildTag(),
    [TAGS.state]: folders.stateTag,
  };
  const environment = childEnvironment({
    hostEnvironment: settings.hostEnvironment,
    allowList: settings.environmentAllowList,
    folder,
    cacheFolder: folders.cacheFolder,
    requested: request.environment,
    tags,
  });
  const place = {
    searchPath: environment.PATH ?? "/usr/local/bin:/usr/bin:/bin",
    folder: await startFolder(settings, folder),
  };
  const { program, command } = await resolveCommand(request, settings, place);
  const server = await spawnServer(
    { command, program, folder: place.folder, environment },
    { spawn: settings.spawn, clock: settings.clock, table },
  );
  return { server, tags };
}

type Place = Parameters<typeof findExecutable>[1];

async function resolveCommand(
  request: LaunchRequest,
  settings: Settings,
  place: Place,
): Promise<{ readonly program: string; readonly command: CommandLine }> {
  const line = await commandLineOf(request.runtime, settings);
  const found = await findExecutable(line.file, place);
  if (found.path === undefined) {
    throw launchFailed({ program: line.file }, { code: found.reason === "missing" ? "ENOENT" : "EACCES" });
  }
  const prlimit = await findExecutable("prlimit", place);
  const command = withLimits({ file: found.path, args: line.args }, request.resources, prlimit.path);
  return { program: line.file, command };
}

/** The system reports a folder that is missing as if the program were; so it is looked at first. */
async function startFolder(settings: Settings, ownFolder: string): Promise<string> {
  const folder = settings.workingDirectory ?? ownFolder;
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory()) return folder;
  throw new PlatformError(
    "LAUNCH_FAILED",
    `The working directory "${folder}" is not a folder; make it, or correct the option "workingDirectory".`,
    { details: {} },
  );
}
