/** What shows that requirements are met: a test by file and name, or a page of the docs. */
export interface Evidence {
  readonly ids: readonly string[];
  /** Path of the test file or the page, from the repository's root. */
  readonly path: string;
  /** The test's own name, without those of the groups around it; absent for a page. */
  readonly test?: string;
}

/** Cites the test that shows these requirements to be met. */
export function cite(path: string, test: string, ids: readonly string[]): Evidence {
  return { ids, path, test };
}

/** Cites the page that answers these requirements, where there is nothing to run. */
export function document(path: string, ids: readonly string[]): Evidence {
  return { ids, path };
}

/**
 * Every requirement that is met, by what shows it. Ids are `S<document>-<number>` for what the source documents
 * ask for and `X-<number>` for the decisions between them; each id is cited once, by its strongest evidence.
 */
export const requirements: readonly Evidence[] = [
  document("docs/reference/states.md", ["X-02", "S0-73", "S0-79", "S1-97", "S2-15", "S3-08"]),
  cite(
    "test/http/owners.test.ts",
    "show an owner its own rows and nobody else's, and the admin those of everybody",
    ["S0-28", "S1-45", "S2-48", "S2-57"],
  ),
  cite("test/http/owners.test.ts", "every route answers 401 but those that are for everybody", [
    "S0-27",
    "S2-95",
  ]),
  cite("test/http/owners.test.ts", "is answered on every route byte by byte like an id that nobody has", [
    "S2-71",
    "S3-74",
  ]),
  cite("test/http/owners.test.ts", "count an owner's own things, and everybody's for the admin", [
    "S0-101",
    "S0-123",
    "S2-58",
  ]),
  cite("test/http/owners.test.ts", "calls and looks at its instance, and is refused on every other route", [
    "S3-03",
  ]),
  cite("test/http/wire.test.ts", "are listed with name, description and the schema of their arguments", [
    "S0-12",
    "S0-33",
    "S0-35",
    "S0-138",
  ]),
  cite(
    "test/http/wire.test.ts",
    "are called with arguments and a session, answered with the result and facts, and kept in the history",
    [
      "S0-13",
      "S0-36",
      "S0-37",
      "S0-38",
      "S0-39",
      "S0-40",
      "S0-43",
      "S0-44",
      "S0-45",
      "S0-46",
      "S0-47",
      "S2-03",
      "S2-16",
      "S2-55",
      "S2-56",
    ],
  ),
  cite(
    "test/http/wire.test.ts",
    "that fail are a result with status failed, and calls that cannot be made are errors",
    ["X-08"],
  ),
  cite("test/http/wire.test.ts", "of two instances are each called in their own", ["S0-06", "S0-07"]),
  cite("test/http/wire.test.ts", "is created, read, changed, stopped, started, restarted and deleted", [
    "S1-46",
    "S1-47",
    "S1-48",
    "S1-49",
    "S1-50",
    "S2-01",
    "S2-07",
    "S2-21",
    "S2-26",
    "S2-49",
    "S2-51",
    "S2-52",
    "S2-53",
    "S2-54",
    "S3-02",
    "S3-55",
    "S3-59",
    "S4-43",
    "S4-45",
    "S4-49",
    "S4-67",
  ]),
  cite("test/http/wire.test.ts", "that is not enabled waits with unknown health", ["S2-22"]),
  cite("test/http/wire.test.ts", "that is created without waiting is pending, with the end of its time", [
    "S1-17",
    "S3-58",
  ]),
  cite("test/http/wire.test.ts", "tells its state, process, time since its start, memory and processor", [
    "S2-50",
    "S2-77",
    "S3-04",
    "S3-20",
    "S3-21",
    "S3-64",
    "S3-93",
  ]),
  cite("test/http/wire.test.ts", "notes when it was used last, and lives that much longer", ["S2-24"]),
  cite("test/http/wire.test.ts", "whose program is missing is answered with 500 and the reason", ["S2-89"]),
  cite(
    "test/http/wire.test.ts",
    "whose tool takes too long is answered with 504, and the history has a timeout",
    ["S2-93"],
  ),
  cite("test/http/wire.test.ts", "is registered, read, changed and removed", [
    "S2-17",
    "S2-18",
    "S2-19",
    "S4-35",
    "S4-37",
    "S4-38",
    "S4-40",
    "S4-48",
  ]),
  cite(
    "test/http/wire.test.ts",
    "reaches the server that was given a reference to it, and nothing that is answered or listed",
    [
      "S0-139",
      "S1-31",
      "S1-79",
      "S1-113",
      "S2-10",
      "S2-20",
      "S3-48",
      "S3-57",
      "S4-17",
      "S4-50",
      "S4-57",
      "S4-68",
      "S4-77",
    ],
  ),
  cite("test/http/wire.test.ts", "that was written into the environment is sealed on entry and works", [
    "S4-18",
  ]),
  cite(
    "test/access/permissions.test.ts",
    "allow an owner to read, to call, to write, and to do all of that",
    ["S2-67", "S2-68", "S2-69", "S2-70", "X-20"],
  ),
  cite("test/instances/watching.test.ts", "is asked for every 30 seconds, and the row tells when", [
    "S1-89",
    "S2-12",
    "S2-25",
  ]),
  cite(
    "test/instances/watching.test.ts",
    "is unhealthy after three probes without an answer and healthy after one with it, told by an event each",
    ["S1-92", "S3-66", "S4-06", "S4-70", "S4-78"],
  ),
  cite(
    "test/instances/watching.test.ts",
    "is asked of every instance, and one that is gone is found and does not keep the others waiting",
    ["S0-10", "S0-14", "S3-23", "S3-61"],
  ),
  cite(
    "test/instances/watching.test.ts",
    "ends what has expired although another instance cannot be stopped",
    ["S3-70", "S3-73"],
  ),
  cite(
    "test/instances/watching.test.ts",
    "has as many instances as the limit says, and one more when one is removed",
    ["S3-56"],
  ),
  cite(
    "test/instances/watching.test.ts",
    "is charged the provider's price for the seconds in which an instance ran",
    ["S0-84", "S0-103", "S0-121", "S0-122"],
  ),
  cite("test/instances/lifecycle.test.ts", "opens one usage interval and closes it when it stops", [
    "S0-82",
    "S0-119",
    "S0-120",
  ]),
  cite("test/instances/lifecycle.test.ts", "runs it, and tells so step by step", ["S4-51", "S4-76"]),
  cite("test/instances/lifecycle.test.ts", "whose listener throws goes on", ["S4-52"]),
  cite(
    "test/instances/lifecycle.test.ts",
    "that cannot be launched says why, and keeps the failed row without trying again",
    ["S2-11"],
  ),
  cite(
    "test/instances/lifecycle.test.ts",
    "whose required variables are missing names them all and starts nothing",
    ["S1-81", "S4-47"],
  ),
  cite(
    "test/instances/lifecycle.test.ts",
    "stops when asked, keeps its row, and starts again as a new generation",
    ["S2-04"],
  ),
  cite(
    "test/instances/lifecycle.test.ts",
    "that crashes is written as crashed and comes back after its pause",
    ["S2-02", "S2-14", "S2-82"],
  ),
  cite(
    "test/instances/lifecycle.test.ts",
    "that closes stops what it ran, and the next one starts it again",
    ["S2-08"],
  ),
  cite(
    "test/instances/lifecycle.test.ts",
    "to live ends: the instance expires, and can be restored with its time anew",
    ["S3-07", "S3-67"],
  ),
  cite("test/instances/lifecycle.test.ts", "running out is announced once, five minutes ahead", ["S3-72"]),
  cite(
    "test/instances/lifecycle.test.ts",
    "without use stops an instance, and its next call wakes it, once for a hundred callers",
    ["S0-153"],
  ),
  cite("test/instances/lifecycle.test.ts", "a stop that somebody asked for is not undone by a call", [
    "S3-75",
  ]),
  cite(
    "test/faults/host-killed.test.ts",
    "leaves processes that the next start ends, and its instances run again, each once",
    ["S3-77"],
  ),
  cite("test/examples/express.test.ts", "starts alice's instance and calls its tool", ["S1-44"]),
  cite("packages/core/src/access/access.test.ts", "writes every denial into the audit", ["S2-06"]),
  cite(
    "packages/core/src/access/access.test.ts",
    "says FORBIDDEN where the subject may be read, and where there is no single subject",
    ["S2-91"],
  ),
  cite(
    "packages/core/src/access/limits.test.ts",
    "let as many through as the defaults say, each rule for itself",
    ["S2-72", "S2-73", "S2-74"],
  ),
  cite(
    "packages/core/src/catalog/catalog.test.ts",
    "shows one's own and everybody's public ones, newest first",
    ["S0-11"],
  ),
  cite("packages/core/src/catalog/catalog.test.ts", "stores a definition that comes back the same", [
    "S3-24",
    "S3-25",
    "S3-26",
  ]),
  cite("packages/core/src/catalog/definition-schema.test.ts", "names every problem at once", ["S4-08"]),
  cite(
    "packages/core/src/catalog/environment-schema.test.ts",
    "is an optional, public text unless it says otherwise",
    ["S4-41", "S4-46"],
  ),
  cite("packages/core/src/catalog/environment-schema.test.ts", "takes the older spellings", ["X-03"]),
  cite("packages/core/src/catalog/environment.test.ts", "names every value that does not fit at once", [
    "S1-16",
    "S1-80",
    "S1-82",
  ]),
  cite("packages/core/src/catalog/health-check.test.ts", "of %j keeps the defaults but for %j", [
    "S3-34",
    "S4-66",
    "X-04",
  ]),
  cite("packages/core/src/catalog/resource-limits.test.ts", "of %j are %j", ["S3-31", "S3-32", "X-05"]),
  cite("packages/core/src/http/bad-input.test.ts", "%s is refused, and no operation is called", ["S1-107"]),
  cite("packages/core/src/http/bad-input.test.ts", "%s answers 404 with the service's own words", ["S2-88"]),
  cite("packages/core/src/http/handler.test.ts", "answers health and the document to everybody", [
    "S0-50",
    "S1-51",
  ]),
  cite(
    "packages/core/src/http/handler.test.ts",
    "counts management requests, but neither MCP messages nor tool calls nor public routes",
    ["S0-147"],
  ),
  cite("packages/core/src/http/handler.test.ts", "says when to come back", ["S2-94"]),
  cite("packages/core/src/http/handler.test.ts", "passes a platform error on without its cause", [
    "S1-52",
    "S1-53",
    "S1-54",
    "S1-55",
  ]),
  cite("packages/core/src/http/routes.test.ts", "sums up 30 days unless told otherwise", ["S0-102"]),
  cite("packages/core/src/options.test.ts", "every plain option has a default", ["S0-114", "S2-81", "X-22"]),
  cite("packages/core/src/store/events.test.ts", "are gone with the transaction that recorded them", [
    "S4-11",
  ]),
  cite(
    "packages/core/src/store/events.test.ts",
    "are claimed in order, each one once, by any number of processes",
    ["X-19"],
  ),
  cite(
    "packages/core/src/store/migrate.test.ts",
    "are undone from the newest, one unless more are asked for, and can be run again",
    ["S0-136"],
  ),
  cite(
    "packages/core/src/store/migrations.test.ts",
    "have the indexes that lists and sweeps are answered from",
    ["S1-100"],
  ),
  cite(
    "packages/core/src/store/pages.test.ts",
    "hold 50 rows unless asked otherwise, and fetch one more to see whether there are others",
    ["S0-48"],
  ),
  cite("packages/core/src/store/tool-calls.test.ts", "come back as they were put in", [
    "S0-78",
    "S0-80",
    "S0-81",
    "S2-28",
    "S2-29",
    "S2-30",
    "S2-31",
    "S2-32",
    "S2-33",
  ]),
  cite(
    "packages/core/src/store/tool-calls.test.ts",
    "are listed newest first, page by page, filtered by owner, instance, tool and status",
    ["S0-151"],
  ),
  cite("packages/core/src/store/tool-calls.test.ts", "are counted with their failures and average duration", [
    "S2-05",
  ]),
  cite(
    "packages/process-provider/src/spawn.test.ts",
    "starts a group of its own, in its folder, with its own environment and no shell",
    ["S2-09"],
  ),
  cite(
    "packages/process-provider/src/process-table.test.ts",
    "tells a zombie from a live process, unlike kill(pid, 0)",
    ["S2-13", "S3-62"],
  ),
  cite(
    "packages/process-provider/src/process-provider.test.ts",
    "makes one process for one instance and generation, however often it is called",
    ["S3-83"],
  ),
  cite(
    "packages/process-provider/src/process-provider.test.ts",
    "gives a server its own folder and home, marks, and nothing of the host's but the allowed",
    ["S3-88", "S3-105", "X-15"],
  ),
  cite(
    "packages/process-provider/src/process-provider.test.ts",
    "is told with its code and last lines, to subscribers and by inspect",
    ["S3-18"],
  ),
  cite(
    "packages/process-provider/src/stdio-transport.test.ts",
    "passes banners and chatter by, into the log, and every message on",
    ["S3-16"],
  ),
  cite(
    "packages/process-provider/src/logs.test.ts",
    "gives back lines with their stream and time, the newest last",
    ["S3-17"],
  ),
  cite(
    "packages/process-provider/src/terminate.test.ts",
    "kills one that ignores both, with the children it waits for",
    ["S3-68"],
  ),
  cite(
    "packages/process-provider/src/terminate.test.ts",
    "only closes the input of one that listens, and is over as soon as it is",
    ["S3-97"],
  ),
  cite("packages/process-provider/src/reaper.test.ts", "leaves orphans, which the next host finds and ends", [
    "S3-99",
  ]),
  cite(
    "packages/process-provider/src/identity.test.ts",
    "are not another process with its pid, nor that one's group",
    ["X-17"],
  ),
  cite("packages/proxy/src/pool.test.ts", "is opened once for a hundred concurrent callers", ["S0-02"]),
  cite("packages/proxy/src/retry.test.ts", "waits anything up to a ceiling that doubles", ["S0-09"]),
  cite("packages/proxy/src/tools.test.ts", "are given up after three repetitions", ["S0-115", "S2-83"]),
  cite("packages/proxy/src/tools.test.ts", "after the call was sent are never repeated", ["X-09"]),
  cite("packages/proxy/src/tools.test.ts", "takes a ping that is not answered for a failure", [
    "S1-91",
    "S3-63",
  ]),
  cite(
    "packages/vault/src/vault.test.ts",
    "keeps the plain value out of the database, its files, events, logs and errors",
    ["S1-18", "S1-19", "S1-74", "S4-16", "S4-19"],
  ),
  cite("packages/vault/src/vault.test.ts", "tells everything about a secret but its value", ["S3-43"]),
  cite("packages/vault/src/vault.test.ts", "resolves references of both kinds, and passes literals through", [
    "S4-09",
    "S4-14",
    "S4-54",
  ]),
  cite("packages/vault/src/reference.test.ts", "reads a secret of an instance", ["S4-13"]),
  cite(
    "packages/vault/src/key-ring.test.ts",
    "takes base64, base64url, without padding, with spaces around, and bytes",
    ["S1-77", "S1-110", "S3-54"],
  ),
  cite("packages/vault/src/seal.test.ts", "never gives the same text twice, in no part", ["S3-42"]),
  cite(
    "packages/vault/src/bound-cipher.test.ts",
    "does not open under another binding, although nothing else differs",
    ["X-13"],
  ),
  cite(
    "packages/vault/src/seal.test.ts",
    "does not open for anybody else, nor under another name, scope or purpose",
    ["X-12"],
  ),
  cite("packages/vault/src/key-service.test.ts", "never sees a value, nor gives the vault a master key", [
    "S1-111",
  ]),
  cite(
    "packages/vault/src/resolve.test.ts",
    "by name means the instance's secret, else its server's, else its owner's",
    ["S3-44"],
  ),
  cite("packages/vault/src/resolve.test.ts", "that is opened is in the audit, once for each secret", [
    "S3-50",
  ]),
  cite(
    "packages/vault/src/expiry.test.ts",
    "destroys the version before when its grace is over, not earlier",
    ["S3-46"],
  ),
  cite("packages/vault/src/expiry.test.ts", "tells what is about to end, of which version, and when", [
    "S3-47",
  ]),
  cite(
    "packages/vault/src/expiry.test.ts",
    "tells of 14, 7 and 1 days and of the end, each once, over ninety days",
    ["S3-52"],
  ),
  cite("test/instances/secrets.test.ts", "of an instance is the end of its secrets", ["S1-78", "S1-101"]),
  cite(
    "test/faults/secrets-sentinel.test.ts",
    "that is stored, used, betrayed, rotated and removed is found nowhere",
    ["S1-76", "S1-112", "S3-49", "S3-53"],
  ),
  cite(
    "test/faults/key-service-down.test.ts",
    "a running instance does not notice that the key service is down, and a new start says so and may be tried again",
    ["S1-75"],
  ),
  cite("test/architecture.test.ts", "keep SQL in the store and in store files", ["S1-108"]),
];
