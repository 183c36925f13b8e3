export type { SchedulerOptions } from "./options.ts";
export { scheduler } from "./scheduler.ts";
