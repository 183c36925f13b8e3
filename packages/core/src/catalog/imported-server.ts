import type { ServerDefinitionSource } from "./server-definition.ts";

/** A server that was found in an import, not validated yet. */
export interface ImportedServer {
  /** Its name there. */
  readonly name: string;
  readonly definition: ServerDefinitionSource;
}
