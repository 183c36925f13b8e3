import type { Instance, SecretDelivery } from "../instances/instance.ts";
import type { Transport } from "./transport.ts";

/** What a provider can be asked to run. A provider lists the ones it serves in {@link Provider.runtimes}. */
export const RUNTIME_TYPES = ["command", "npm", "pypi", "oci", "remote", "machine"] as const;
export type RuntimeType = (typeof RUNTIME_TYPES)[number];

/** How a server speaks MCP once it runs. */
export type TransportKind = "stdio" | "streamable-http" | "sse";

/** One runnable form of a server, with every placeholder of its definition filled in. */
export interface Runtime {
  readonly type: RuntimeType;
  readonly transport: TransportKind;
  /** Program to run, for `command`. Never a shell line. */
  readonly command?: string;
  /** Arguments handed to the program or package as they are, without a shell. */
  readonly args: readonly string[];
  /** Package name or image reference, for `npm`, `pypi`, `oci` and `machine`. */
  readonly identifier?: string;
  /** Exact package version, where the definition names one. */
  readonly version?: string;
  /** Address, for `remote`. */
  readonly url?: string;
  /** Headers to send, for `remote`. May hold resolved secrets. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Limits of one instance in one normalised form. */
export interface ResourceLimits {
  readonly cpus?: number;
  readonly memoryMb?: number;
  readonly diskMb?: number;
  /** `true`: run even where the provider cannot enforce a limit. Otherwise such a limit is refused. */
  readonly bestEffort?: boolean;
}

/** Ends every operation of a contract: a caller may always withdraw. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** Everything a provider needs to run one instance once. Keyed by `instanceId` and `generation`. */
export interface LaunchRequest {
  readonly instanceId: string;
  /** Grows by one with every new run of the instance; the same pair never yields two resources. */
  readonly generation: number;
  readonly ownerId: string;
  readonly runtime: Runtime;
  /** Variables for the server, secrets resolved. A provider never logs or stores them. */
  readonly environment: Readonly<Record<string, string>>;
  /** Which of the variables hold secrets: their values are scrubbed from everything the server writes. */
  readonly secretNames?: readonly string[];
  /** `file`: each secret is in a file that only the server can read, named by `<NAME>_FILE`, and not in the environment. */
  readonly secretDelivery?: SecretDelivery;
  readonly resources?: ResourceLimits;
  /** Settings of this provider alone, parsed by its own schema. */
  readonly providerOptions?: unknown;
}

/**
 * `absent`: the provider knows nothing by that id. `orphaned`: it still runs, but the host that held its
 * connection is gone, so that ending it is all that can be done with it.
 */
export type ResourceState =
  | "starting"
  | "running"
  | "suspended"
  | "stopped"
  | "failed"
  | "orphaned"
  | "absent";

/** A provider's side of an instance. `id` is the provider's own and is stored in the instance's row. */
export interface Resource {
  readonly id: string;
  readonly state: ResourceState;
  readonly instanceId?: string;
  readonly generation?: number;
  /** Why it is not running, in words for a person: exit code, signal, provider's message. No secrets. */
  readonly message?: string;
  /** The last lines it wrote, oldest first, where it failed. No secrets. */
  readonly logs?: readonly string[];
  /** Facts worth showing: pid, port, region. Plain JSON. */
  readonly details?: Readonly<Record<string, string | number | boolean | null>>;
}

export interface StopOptions extends CallOptions {
  /** How long the server may take to end by itself before it is killed. Milliseconds. */
  readonly graceMs?: number;
}

export interface LogQuery extends CallOptions {
  /** At most this many of the newest lines. */
  readonly limit?: number;
}

export interface LogLine {
  readonly at: string;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

export interface ResourceStats {
  /** Percent of one core. */
  readonly cpuPercent: number;
  readonly memoryBytes: number;
  readonly pid?: number;
  readonly uptimeMs: number;
}

/** Where a resource is reached from outside the platform; never a bare address. */
export interface Endpoint {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** How a person gets into a machine. */
export interface MachineAccess {
  readonly hostname: string;
  readonly port: number;
  readonly username: string;
}

/**
 * Runs resources for instances. Every method is idempotent. A method that is left out is a capability the
 * provider does not have. `describeProvider()` of `@moorage/testing/suites` is this contract's proof.
 */
export interface Provider {
  readonly specificationVersion: "v1";
  readonly runtimes: readonly RuntimeType[];
  /** `host`: resources live and die with the process that launched them. `shared`: any replica reaches them. */
  readonly locality: "host" | "shared";
  /** Runs servers with the host's own rights, so that their definitions must be approved first. */
  readonly runsCodeOnHost?: boolean;
  /** Makes the resource of this instance and generation, or returns the one that exists. Throws `LAUNCH_FAILED`. */
  launch(request: LaunchRequest, options?: CallOptions): Promise<Resource>;
  /** Never throws for an unknown id: its state is `absent`. */
  inspect(resourceId: string, options?: CallOptions): Promise<Resource>;
  /** Ends it so that it may be launched again. Unknown or ended already: does nothing. */
  stop(resourceId: string, options?: StopOptions): Promise<void>;
  /** Ends it for good and removes everything that belongs to it. Unknown: does nothing. */
  destroy(resourceId: string, options?: CallOptions): Promise<void>;
  /** One MCP connection; the caller starts and closes it. Throws `UPSTREAM_UNAVAILABLE` if it is not running. */
  connect(resourceId: string, options?: CallOptions): Promise<Transport>;
  /** Everything the provider still holds, orphans included. An empty list is no proof of absence. */
  list?(options?: CallOptions): Promise<readonly Resource[]>;
  /** Tells when a resource ends by itself. Returns a function that stops the telling. */
  subscribe?(listener: (resource: Resource) => void): () => void;
  suspend?(resourceId: string, options?: CallOptions): Promise<void>;
  logs?(resourceId: string, query?: LogQuery): Promise<readonly LogLine[]>;
  stats?(resourceId: string, options?: CallOptions): Promise<ResourceStats>;
  endpoint?(resourceId: string, options?: CallOptions): Promise<Endpoint>;
  access?(resourceId: string, options?: CallOptions): Promise<MachineAccess>;
  /** Nano-dollars per second while running. */
  price?(instance: Instance): bigint;
  close?(): Promise<void>;
}
