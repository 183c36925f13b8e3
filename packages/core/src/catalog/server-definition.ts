import type { ResourceLimits, TransportKind } from "../contracts/provider.ts";

/** One variable a server reads, in the MCP registry's terms plus `type`. */
export interface EnvironmentVariable {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean";
  readonly description: string;
  readonly isRequired: boolean;
  readonly isSecret: boolean;
  readonly default: string | null;
  readonly format?: string;
  readonly choices?: readonly string[];
}

/** One way to run a server. */
export interface ServerPackage {
  readonly registryType: "command" | "npm" | "pypi" | "oci";
  /** Package name or image reference; absent for `command`. */
  readonly identifier?: string;
  readonly version?: string;
  /** The program, for `command`. */
  readonly command?: string;
  readonly args: readonly string[];
  readonly transport: { readonly type: TransportKind };
  readonly environmentVariables: readonly EnvironmentVariable[];
}

/** Where somebody else runs the server. */
export interface ServerRemote {
  readonly type: "streamable-http" | "sse";
  readonly url: string;
  readonly headers: readonly EnvironmentVariable[];
}

/** How an instance is probed. A stdio server is probed with MCP `ping`, and `path` is ignored. */
export interface HealthCheck {
  readonly path: string;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

/** What an owner writes down about a server. */
export interface ServerDefinitionInput {
  readonly name: string;
  readonly title: string | null;
  readonly description: string;
  readonly version: string | null;
  readonly visibility: "private" | "public";
  readonly tags: readonly string[];
  readonly packages: readonly ServerPackage[];
  readonly remotes: readonly ServerRemote[];
  readonly healthCheck: HealthCheck;
  readonly resources: ResourceLimits | null;
  /** Suggested secret scopes, required authentication, notes: shown, never interpreted. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/**
 * Whether this definition may run code on the host. `hash` covers every package that would (program,
 * arguments, package, version, transport, names and defaults of variables); an approval holds for that hash only.
 */
export interface ServerApproval {
  readonly status: "not_required" | "pending" | "approved";
  readonly hash: string;
  /** The exact commands that would be run, one per package, untruncated: a JSON array each, then the defaults. */
  readonly commands: readonly string[];
  readonly approvedBy: string | null;
  readonly approvedAt: string | null;
}

/** A server of the catalog. */
export interface ServerDefinition extends ServerDefinitionInput {
  readonly id: string;
  readonly ownerId: string;
  readonly approval: ServerApproval;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly deletedAt: string | null;
}

/** What `catalog.register` takes: members with a default may be left out. */
export interface ServerDefinitionSource {
  readonly name: string;
  readonly description: string;
  readonly title?: string | null;
  readonly version?: string | null;
  readonly visibility?: "private" | "public";
  readonly tags?: readonly string[];
  readonly packages?: readonly ServerPackageSource[];
  readonly remotes?: readonly ServerRemoteSource[];
  /** A path, or an object with the registry's or the older spellings (`endpoint`, `interval`, `timeout`, `retries`). */
  readonly healthCheck?: string | Readonly<Record<string, unknown>>;
  /** `{ cpus, memoryMb, diskMb }`, or the older spellings (`memory: "512m"`, `cpu: "0.5"`, `max_memory_mb`). */
  readonly resources?: Readonly<Record<string, unknown>> | null;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export type EnvironmentVariableSource = Pick<EnvironmentVariable, "name"> &
  Partial<Omit<EnvironmentVariable, "name">>;

export interface ServerPackageSource
  extends Omit<ServerPackage, "args" | "transport" | "environmentVariables"> {
  readonly args?: readonly string[];
  /** `stdio` if left out. */
  readonly transport?: { readonly type: TransportKind };
  readonly environmentVariables?: readonly EnvironmentVariableSource[];
}

export interface ServerRemoteSource extends Omit<ServerRemote, "headers"> {
  readonly headers?: readonly EnvironmentVariableSource[];
}
