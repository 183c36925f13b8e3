import { v7 } from "uuid";

/** Makes the platform's identifiers; injected, so that tests can make them predictable. */
export type IdFactory = () => string;

/** UUID version 7: unique, and ordered by the time it was made. */
export const uuidV7: IdFactory = () => v7();
