import { isoTime } from "../clock.ts";
import { PlatformError } from "../errors.ts";
import type { NewEvent, PlatformEventType } from "../events.ts";
import type { Connection } from "../store/database.ts";
import type { InstancePatch } from "../store/instance-rows.ts";
import { type Claim, updateClaimed } from "../store/instances.ts";
import { closeInterval, openInterval } from "../store/usage.ts";
import type { Instance, InstanceState } from "./instance.ts";
import { type InstanceRuntime, providerOf } from "./runtime.ts";
import { canMove } from "./states.ts";

/** A change of state: the new state, and whatever else changes with it. */
export interface StateChange extends InstancePatch {
  readonly state: InstanceState;
}

const UNBILLED: readonly InstanceState[] = ["stopped", "suspended", "failed", "deleted"];

/**
 * Moves a claimed instance to another state: row, usage interval and event in one transaction, the event
 * delivered after it. Throws `CONFLICT` when the claim was lost to another replica, and nothing is written.
 */
export async function moveState(
  runtime: InstanceRuntime,
  held: { readonly claim: Claim; readonly instance: Instance },
  change: StateChange,
): Promise<Instance> {
  const { claim, instance } = held;
  if (!canMove(instance.state, change.state)) {
    throw new PlatformError(
      "CONFLICT",
      `Instance "${instance.id}" cannot go from ${instance.state} to ${change.state}.`,
    );
  }
  const at = isoTime(runtime.clock.now());
  const moved = await runtime.database.transaction(async (transaction) => {
    const updated = await updateClaimed(transaction, claim, { ...change, updatedAt: at });
    if (!updated) throw claimLost(instance);
    await meter(runtime, transaction, updated);
    await runtime.events.record(transaction, stateEvent(updated));
    return updated;
  });
  await runtime.events.deliver();
  return moved;
}

function claimLost(instance: Instance): PlatformError {
  return new PlatformError(
    "CONFLICT",
    `Another replica took over instance "${instance.id}" while it was being changed. Read it again.`,
  );
}

async function meter(runtime: InstanceRuntime, transaction: Connection, instance: Instance): Promise<void> {
  const at = instance.updatedAt;
  if (instance.state === "running") {
    const provider = providerOf(runtime, instance);
    await openInterval(transaction, {
      id: runtime.ids(),
      ownerId: instance.ownerId,
      instanceId: instance.id,
      provider: instance.provider,
      generation: instance.generation,
      priceNanoPerSecond: provider.price?.(instance) ?? 0n,
      startedAt: at,
    });
  } else if (UNBILLED.includes(instance.state)) {
    await closeInterval(transaction, instance.id, at);
  }
}

/** The event that reports an instance's present state. */
export function stateEvent(instance: Instance): NewEvent {
  const data = {
    instanceId: instance.id,
    state: instance.state,
    reason: instance.reason,
    generation: instance.generation,
    ...(instance.state === "failed" ? { message: instance.error?.message ?? "" } : {}),
  };
  return {
    type: `instance.${instance.state}` as PlatformEventType,
    ownerId: instance.ownerId,
    subjectId: instance.id,
    data: data as NewEvent["data"],
  };
}
