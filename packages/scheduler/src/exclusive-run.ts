import { type Clock, type LeaseStore, type Logger, PlatformError } from "@moorage/core";

export interface ExclusiveRunOptions {
  readonly leases: LeaseStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lease: string;
  /** How long the lease outlives this process, in milliseconds; it is renewed after each third of that. */
  readonly leaseMs: number;
  /**
   * Aborted from outside to end the run, or here when the lease is lost. Nothing is renewed afterwards: a run that
   * goes on nevertheless has what is left of the lease.
   */
  readonly run: AbortController;
}

/**
 * Runs `work` while holding a lease, and gives the lease back. Returns false, without running, if somebody else
 * holds the lease or the run was aborted before it began.
 */
export async function runExclusively(
  options: ExclusiveRunOptions,
  work: () => Promise<void>,
): Promise<boolean> {
  const { leases, lease, leaseMs, run } = options;
  if (run.signal.aborted) return false;
  const takenAt = options.clock.now();
  const fence = await leases.acquire(lease, leaseMs);
  if (fence === null) return false;
  const renewal = keepLease(options, { fence, takenAt });
  try {
    if (run.signal.aborted) return false;
    await work();
    return true;
  } finally {
    // A renewal still under way would take the lease again after it was given back.
    await renewal.stop();
    await giveBack(options);
  }
}

interface Held {
  readonly fence: number;
  readonly takenAt: number;
}

function keepLease(options: ExclusiveRunOptions, held: Held): { stop(): Promise<void> } {
  const { clock, leaseMs, run } = options;
  let renewedAt = held.takenAt;
  let pending: Promise<void> = Promise.resolve();
  let cancel = schedule();

  function schedule(): () => void {
    return clock.setTimer(() => {
      pending = renew();
    }, leaseMs / 3);
  }

  async function renew(): Promise<void> {
    if (run.signal.aborted) return;
    const askedAt = clock.now();
    const answer = await tryRenew(options, held.fence);
    if (answer === "renewed") renewedAt = askedAt;
    const isLost = answer === "lost" || clock.now() - renewedAt >= leaseMs;
    if (isLost) run.abort(leaseLost(options.lease));
    else if (!run.signal.aborted) cancel = schedule();
  }

  return {
    async stop() {
      cancel();
      await pending;
      cancel();
    },
  };
}

async function tryRenew(
  { leases, lease, leaseMs, logger }: ExclusiveRunOptions,
  fence: number,
): Promise<"renewed" | "lost" | "unknown"> {
  try {
    // Another fence means that somebody held the lease in between.
    return (await leases.acquire(lease, leaseMs)) === fence ? "renewed" : "lost";
  } catch (error) {
    logger.warn({ lease, error }, "A lease could not be renewed; trying again.");
    return "unknown";
  }
}

async function giveBack({ leases, lease, logger }: ExclusiveRunOptions): Promise<void> {
  try {
    await leases.release(lease);
  } catch (error) {
    logger.warn({ lease, error }, "A lease could not be given back; it runs out by itself.");
  }
}

function leaseLost(lease: string): PlatformError {
  return new PlatformError("CONFLICT", `Another process holds the lease "${lease}" now.`);
}
