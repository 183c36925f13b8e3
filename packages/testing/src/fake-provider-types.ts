import type {
  CallOptions,
  Clock,
  LogLine,
  LogQuery,
  Provider,
  Resource,
  ResourceStats,
  RuntimeType,
} from "@moorage/core";
import type { FakeProviderCall, FakeProviderMethod } from "./fake-faults.ts";
import type { FakeTool } from "./fake-tools.ts";

/** What a fake provider says of itself, and what its servers can do. */
export interface FakeProviderOptions {
  /** `host` if left out. */
  readonly locality?: Provider["locality"];
  /** Every runtime type if left out. */
  readonly runtimes?: readonly RuntimeType[];
  /** `true`: definitions must be approved before the platform launches them here. */
  readonly runsCodeOnHost?: boolean;
  /** More tools for the server, or other ones in place of those it has. */
  readonly tools?: Readonly<Record<string, FakeTool>>;
  /** Nano-dollars per second; without it the provider has no price. */
  readonly price?: bigint;
  /** For delays, waiting tools and log times; the system's clock if left out. */
  readonly clock?: Clock;
}

/** A provider in memory that keeps the contract, with switches for everything that can go wrong. */
export interface FakeProvider extends Provider {
  readonly calls: readonly FakeProviderCall[];
  /**
   * Makes the next call of the method reject. With `effect: true` it does its work first, as when only the
   * answer was lost. Several failures queue up.
   */
  failNext(method: FakeProviderMethod, error: Error, options?: { readonly effect?: boolean }): void;
  /** Makes every further call of the method wait this long before it does anything; 0 ends that. */
  delay(method: FakeProviderMethod, delayMs: number): void;
  /** Ends the instance's resource as if its process had died. Throws `NOT_FOUND` if none runs. */
  crash(instanceId: string, message?: string): void;
  /** Cuts the instance's resource off as if the host that launched it had died. */
  orphan(instanceId: string): void;
  /** Ends the connections to the instance's resource, which runs on. */
  disconnect(instanceId: string): void;
  /** Puts a line into the log of the instance's resource. */
  writeLog(instanceId: string, text: string, stream?: LogLine["stream"]): void;
  /** Sets what `stats()` tells about the instance's resource. */
  setStats(instanceId: string, stats: Partial<ResourceStats>): void;
  list(options?: CallOptions): Promise<readonly Resource[]>;
  subscribe(listener: (resource: Resource) => void): () => void;
  logs(resourceId: string, query?: LogQuery): Promise<readonly LogLine[]>;
  stats(resourceId: string, options?: CallOptions): Promise<ResourceStats>;
  price?(): bigint;
  close(): Promise<void>;
}
