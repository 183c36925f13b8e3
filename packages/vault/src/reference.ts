/** What a value of an instance's environment names instead of being it. */
export type SecretReference =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "instance"; readonly instanceId: string; readonly name: string };

/** Names of secrets: letters, digits and underscores, not starting with a digit; at most 128 characters. */
export const SECRET_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

const NAME_REFERENCE = /^secret:([A-Za-z_][A-Za-z0-9_]{0,127})$/;
const INSTANCE_REFERENCE = /^secret_ref:([A-Za-z0-9_-]{1,64}):([A-Za-z_][A-Za-z0-9_]{0,127})$/;

/**
 * Reads `secret:<name>`, a secret of the launched instance, its server or its owner, and `secret_ref:<instance>:<NAME>`,
 * a secret of exactly that instance. Any other text, also one that holds a reference somewhere inside, is a literal: null.
 */
export function parseReference(value: string): SecretReference | null {
  const [, anyName] = NAME_REFERENCE.exec(value) ?? [];
  if (anyName !== undefined) return { kind: "name", name: anyName };
  const [, instanceId, name] = INSTANCE_REFERENCE.exec(value) ?? [];
  return instanceId === undefined || name === undefined ? null : { kind: "instance", instanceId, name };
}

/** Whether a text starts like a reference but is none, as `secret:my-token` does: most likely a mistake. */
export function isMalformedReference(value: string): boolean {
  return /^secret(_ref)?:/.test(value) && parseReference(value) === null;
}
