import { notFound } from "../access/not-found.ts";
import { sleep } from "../clock.ts";
import { PlatformError } from "../errors.ts";
import { type Claim, claimInstance, extendClaim, findInstance, releaseClaim } from "../store/instances.ts";
import type { Instance } from "./instance.ts";
import type { InstanceRuntime } from "./runtime.ts";
import { isSettled } from "./states.ts";

const CLAIM_MS = 30_000;
const POLL_MS = 50;

/** A row that this process holds, as it is now. */
export interface Held {
  readonly claim: Claim;
  readonly instance: Instance;
}

type Work = (held: Held) => Promise<Instance>;

/**
 * Takes the row's claim and works under it. While another replica holds the row, waits until that one has
 * settled it. Throws `NOT_FOUND` for an id without a row, and `CONFLICT` when the wait is over.
 */
export async function underClaim(
  runtime: InstanceRuntime,
  instanceId: string,
  work: Work,
): Promise<Instance> {
  const { database, clock, hostId, timeouts } = runtime;
  const until = clock.now() + timeouts.launchMs + timeouts.stopMs;
  for (;;) {
    const held = await claimInstance(database, { id: instanceId, hostId, leaseMs: CLAIM_MS });
    if (held) return hold(runtime, held, work);
    const row = await findInstance(database.connection, instanceId);
    if (!row) throw notFound("instance", instanceId);
    if (isSettled(row)) return row;
    if (clock.now() > until) throw heldElsewhere(row);
    await sleep(clock, POLL_MS);
  }
}

async function hold(runtime: InstanceRuntime, held: Held, work: Work): Promise<Instance> {
  const stopKeeping = keep(runtime, held.claim);
  try {
    return await work(held);
  } finally {
    stopKeeping();
    await releaseClaim(runtime.database.connection, held.claim);
  }
}

/** Extends the claim while the work lasts; the fence guards every write should it be lost all the same. */
function keep(runtime: InstanceRuntime, claim: Claim): () => void {
  const { clock, database, logger } = runtime;
  let cancel = () => {};
  const arm = () => {
    cancel = clock.setTimer(() => {
      arm();
      extendClaim(database, claim, CLAIM_MS).catch((error: unknown) =>
        logger.warn({ error, instanceId: claim.instanceId }, "A claim could not be extended."),
      );
    }, CLAIM_MS / 3);
  };
  arm();
  return () => cancel();
}

function heldElsewhere(instance: Instance): PlatformError {
  return new PlatformError(
    "CONFLICT",
    `Instance "${instance.id}" is held by another replica and has been ${instance.state} for too long. Try again.`,
  );
}
