export type { Algorithm } from "./cipher.ts";
export type { KeyContext, SecretContext } from "./context.ts";
export { type OpenFernetOptions, openFernet, type SealFernetOptions, sealFernet } from "./fernet.ts";
export { type KeyDeadlineOptions, withKeyDeadline } from "./key-deadline.ts";
export type { KeyProvider, KeyState } from "./key-provider.ts";
export { generateKey, type KeyRing, type KeyRingEntry, localKeyring } from "./key-ring.ts";
export { type KeyServiceOptions, type KeyServiceRequest, keyService } from "./key-service.ts";
export { parseReference, type SecretReference } from "./reference.ts";
export { type VaultOptions, vault } from "./vault.ts";
