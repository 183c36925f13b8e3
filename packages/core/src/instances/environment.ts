import { checkEnvironment } from "../catalog/environment.ts";
import type { ServerDefinition } from "../catalog/server-definition.ts";
import type { Provider } from "../contracts/provider.ts";
import type { Vault } from "../contracts/vault.ts";
import { PlatformError } from "../errors.ts";
import type { Connection } from "../store/database.ts";
import { variablesFor } from "./launch-request.ts";

/** The variables of an instance, checked: what may be stored, and what has to be sealed first. */
export interface PreparedEnvironment {
  readonly stored: Readonly<Record<string, string>>;
  readonly toSeal: Readonly<Record<string, string>>;
}

/**
 * Checks the variables against the definition and replaces literal secrets by references. Throws
 * `MISSING_VARIABLES` naming all that are missing, `INVALID_INPUT` for values that do not fit, and
 * `NOT_CONFIGURED` for a secret without a vault.
 */
export function prepareEnvironment(
  parts: {
    readonly definition: ServerDefinition;
    readonly provider: Provider;
    readonly vault: Vault | undefined;
    /** May set variables that the definition does not name. */
    readonly trusted: boolean;
  },
  instanceId: string,
  given: Readonly<Record<string, string>>,
): PreparedEnvironment {
  const variables = variablesFor(parts.definition, parts.provider);
  const allowUndeclared = parts.trusted || variables.length === 0;
  const checked = checkEnvironment(variables, given, { allowUndeclared });
  const names = Object.keys(checked.secretsToSeal);
  if (names.length > 0 && !parts.vault) {
    throw new PlatformError(
      "NOT_CONFIGURED",
      `${names.join(", ")} must be sealed, but there is no vault. Pass vault({ keys }) to createPlatform().`,
    );
  }
  const sealed = Object.fromEntries(names.map((name) => [name, `secret_ref:${instanceId}:${name}`]));
  return {
    stored: { ...checked.literals, ...checked.references, ...sealed },
    toSeal: checked.secretsToSeal,
  };
}

/** Seals what `prepareEnvironment` left to seal, in the transaction that writes the instance. */
export async function sealEnvironment(
  vault: Vault | undefined,
  secrets: PreparedEnvironment["toSeal"],
  target: {
    readonly ownerId: string;
    readonly instanceId: string;
    /** Who gave the values; null is the host's own code. */
    readonly actorId: string | null;
    readonly connection: Connection;
  },
): Promise<void> {
  const { ownerId, instanceId, actorId, connection } = target;
  const scope = { kind: "instance", id: instanceId } as const;
  for (const [name, value] of Object.entries(secrets)) {
    await vault?.put({ ownerId, scope, name, value }, { connection, actorId });
  }
}
