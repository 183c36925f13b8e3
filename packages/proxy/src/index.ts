export type { ProxyOptions } from "./options.ts";
export { proxy } from "./proxy.ts";
