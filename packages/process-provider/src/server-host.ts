import { stat } from "node:fs/promises";
import { type LaunchRequest, PlatformError } from "@moorage/core";
import { type CommandLine, commandLineOf } from "./command-line.ts";
import { childEnvironment } from "./environment.ts";
import { findExecutable } from "./executable.ts";
import type { Folders } from "./folders.ts";
import { NO_BOOT_ID, TAGS } from "./identity.ts";
import { heapOptions, withLimits } from "./limits.ts";
import { nodeReservationMb } from "./node-program.ts";
import type { Settings } from "./options.ts";
import type { ProcessTable } from "./process-table.ts";
import type { SecretFiles } from "./secret-files.ts";
import { launchFailed, type ServerProcess, spawnServer } from "./spawn.ts";

/** What all servers of one provider share. */
export interface ServerHost {
  readonly settings: Settings;
  readonly table: ProcessTable;
  readonly folders: Folders;
  readonly secretFiles: SecretFiles;
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
  const { program, command, heap } = await resolveCommand(request, settings, {
    ...place,
    inheritedOptions: environment.NODE_OPTIONS,
  });
  const server = await spawnServer(
    { command, program, folder: place.folder, environment: { ...environment, ...heap } },
    { spawn: settings.spawn, clock: settings.clock, table },
  );
  return { server, tags };
}

type Place = Parameters<typeof findExecutable>[1] & { readonly inheritedOptions: string | undefined };

interface ResolvedCommand {
  readonly program: string;
  readonly command: CommandLine;
  /** Variables that limit the heap. */
  readonly heap: Readonly<Record<string, string>>;
}

async function resolveCommand(
  request: LaunchRequest,
  settings: Settings,
  place: Place,
): Promise<ResolvedCommand> {
  const { runtime, resources } = request;
  const line = await commandLineOf(runtime, settings);
  const found = await findExecutable(line.file, place);
  if (found.path === undefined) {
    throw launchFailed({ program: line.file }, { code: found.reason === "missing" ? "ENOENT" : "EACCES" });
  }
  const prlimitPath = (await findExecutable("prlimit", place)).path;
  const memoryMb = prlimitPath === undefined ? undefined : resources?.memoryMb;
  const own = { path: process.execPath, version: process.versions.node };
  const reservedMb =
    memoryMb === undefined ? undefined : await nodeReservationMb(found.path, { ...place, own });
  return {
    program: line.file,
    command: withLimits({ file: found.path, args: line.args }, resources, {
      prlimitPath,
      reservedMb: reservedMb ?? 0,
    }),
    heap:
      memoryMb === undefined || reservedMb === undefined
        ? {}
        : { NODE_OPTIONS: heapOptions(memoryMb, place.inheritedOptions) },
  };
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
