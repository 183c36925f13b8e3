import type { DesiredState, Instance, InstanceState } from "./instance.ts";

/** Every move a state may make; anything else is a fault of ours and is refused. */
export const TRANSITIONS: Readonly<Record<InstanceState, readonly InstanceState[]>> = {
  pending: ["starting", "stopped", "failed", "deleted"],
  starting: ["starting", "running", "stopping", "stopped", "failed", "deleted"],
  running: ["stopping", "stopped", "suspended", "failed", "deleted"],
  stopping: ["stopping", "stopped", "suspended", "failed", "deleted"],
  stopped: ["starting", "failed", "deleted"],
  suspended: ["starting", "stopped", "failed", "deleted"],
  failed: ["starting", "stopped", "deleted"],
  deleted: [],
};

/** Whether the table has this move. */
export function canMove(from: InstanceState, to: InstanceState): boolean {
  return TRANSITIONS[from].includes(to);
}

/** What brings `state` one step nearer to `desired`. `wait`: a crashed instance whose pause is not over. */
export type NextStep = "launch" | "halt" | "settle" | "erase" | "wait" | "none";

const STEPS: Readonly<Record<DesiredState, Readonly<Record<InstanceState, NextStep>>>> = {
  running: {
    pending: "launch",
    starting: "launch",
    running: "none",
    stopping: "halt",
    stopped: "launch",
    suspended: "launch",
    failed: "launch",
    deleted: "none",
  },
  stopped: {
    pending: "settle",
    starting: "halt",
    running: "halt",
    stopping: "halt",
    stopped: "none",
    suspended: "none",
    failed: "none",
    deleted: "none",
  },
  deleted: {
    pending: "erase",
    starting: "erase",
    running: "erase",
    stopping: "erase",
    stopped: "erase",
    suspended: "erase",
    failed: "erase",
    deleted: "none",
  },
};

/** The one rule of reconciliation, the same after a request, a crash and a lost host. `now` is ISO-8601 text. */
export function nextStep(
  instance: Pick<Instance, "desired" | "state" | "nextAttemptAt">,
  now: string,
): NextStep {
  const step = STEPS[instance.desired][instance.state];
  const pausing = instance.nextAttemptAt !== null && instance.nextAttemptAt > now;
  return step === "launch" && pausing ? "wait" : step;
}

/** Whether anything is left to do for this row, now or later. */
export function isSettled(instance: Pick<Instance, "desired" | "state">): boolean {
  return STEPS[instance.desired][instance.state] === "none";
}

/** The pairs of `desired` and `state` that reconciliation has to look at. */
export const UNSETTLED_PAIRS: readonly { readonly desired: DesiredState; readonly state: InstanceState }[] = (
  Object.entries(STEPS) as [DesiredState, Record<InstanceState, NextStep>][]
).flatMap(([desired, steps]) =>
  (Object.entries(steps) as [InstanceState, NextStep][])
    .filter(([, step]) => step !== "none")
    .map(([state]) => ({ desired, state })),
);
