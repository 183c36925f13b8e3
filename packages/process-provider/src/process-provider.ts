import { type LaunchRequest, PlatformError, type Provider } from "@moorage/core";
import { checkRuntime } from "./command-line.ts";
import { checkRequestedEnvironment } from "./environment.ts";
import { Fleet } from "./fleet.ts";
import { createFolders } from "./folders.ts";
import type { HostedServer } from "./hosted-server.ts";
import { hostTagOf, parseResourceId } from "./identity.ts";
import { checkProviderOptions, type ProcessProviderOptions, parseOptions } from "./options.ts";
import { createProcessTable } from "./process-table.ts";
import { inspectForeign } from "./reaper.ts";
import { checkSecretDelivery, createSecretFiles, secretFolders } from "./secret-files.ts";
import type { ServerHost } from "./server-host.ts";
import { holdOpen } from "./terminate.ts";
import { withSignal } from "./turns.ts";

const DEFAULT_LOG_LINES = 1_000;

/** What a process provider can do besides what every provider must. */
export type ProcessProvider = Provider &
  Required<Pick<Provider, "list" | "subscribe" | "logs" | "stats" | "close">>;

/**
 * Runs servers as child processes of this host (`command`, `npm` and `pypi` over stdio), with this host's own
 * rights. POSIX only; finding again what an earlier host left behind, and `stats`, need the `/proc` of Linux.
 */
export function processProvider(options: ProcessProviderOptions = {}): ProcessProvider {
  const settings = parseOptions(options);
  const table = createProcessTable();
  let ownTag: string | undefined;
  let children = 0;
  const hostTag = () => (ownTag ??= hostTagOf(table, process.pid));
  return createProvider({
    settings,
    table,
    folders: createFolders(settings.stateDirectory),
    secretFiles: createSecretFiles({ candidates: secretFolders(settings), table, hostTag }),
    hostTag,
    nextChildTag: () => String(++children),
  });
}

function createProvider(host: ServerHost): ProcessProvider {
  const { settings, table } = host;
  const fleet = new Fleet(host);
  return {
    specificationVersion: "v1",
    runtimes: ["command", "npm", "pypi"],
    locality: "host",
    runsCodeOnHost: true,
    async launch(request, callOptions) {
      callOptions?.signal?.throwIfAborted();
      checkRequest(request);
      return withSignal(holdOpen(fleet.launch(request)), callOptions?.signal);
    },
    async inspect(id) {
      const identity = parseResourceId(id);
      return (
        fleet.find(id)?.describe() ??
        (identity ? inspectForeign(id, identity, table) : { id, state: "absent" })
      );
    },
    async stop(id, { graceMs = settings.stopGraceMs, signal } = {}) {
      await withSignal(holdOpen(fleet.stop(id, graceMs)), signal);
    },
    async destroy(id, callOptions) {
      await withSignal(holdOpen(fleet.destroy(id)), callOptions?.signal);
    },
    async connect(id, callOptions) {
      callOptions?.signal?.throwIfAborted();
      return required(fleet.find(id), id).connect();
    },
    list: () => fleet.list(),
    subscribe: (listener) => fleet.subscribe(listener),
    async logs(id, { limit = DEFAULT_LOG_LINES } = {}) {
      return fleet.find(id)?.logs(limit) ?? [];
    },
    async stats(id) {
      if (table.bootId === null) {
        throw new PlatformError("UNSUPPORTED", "Statistics of processes need /proc; run the host on Linux.");
      }
      return required(fleet.find(id), id).stats();
    },
    close: () => fleet.close(),
  };
}

/** Bad input is refused before anything is started. */
function checkRequest(request: LaunchRequest): void {
  checkIdentity(request);
  checkRuntime(request.runtime);
  checkRequestedEnvironment(request.environment);
  checkSecretDelivery(request);
  checkProviderOptions(request.providerOptions);
}

function checkIdentity({ instanceId, generation }: LaunchRequest): void {
  const isNamed = typeof instanceId === "string" && instanceId !== "" && !/[\0\n]/.test(instanceId);
  if (isNamed && Number.isSafeInteger(generation) && generation >= 0) return;
  const message = "A launch needs an instanceId in one line of text and a generation that is a whole number.";
  throw new PlatformError("INVALID_INPUT", message, { details: { issues: [{ path: "", message }] } });
}

function required(server: HostedServer | undefined, id: string): HostedServer {
  if (server) return server;
  throw new PlatformError(
    "UPSTREAM_UNAVAILABLE",
    `This host holds no process "${id}"; it ended, or belongs to another host. Launch the instance again.`,
  );
}
