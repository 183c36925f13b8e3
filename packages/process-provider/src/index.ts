export type { ProcessProviderOptions } from "./options.ts";
export { type ProcessProvider, processProvider } from "./process-provider.ts";
export type { SpawnFunction } from "./spawn.ts";
