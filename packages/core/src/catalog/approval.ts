import { createHash } from "node:crypto";
import type { ServerApproval, ServerPackage } from "./server-definition.ts";

/** An approval as it is stored: for which hash, by whom, when. */
export interface GivenApproval {
  readonly hash: string | null;
  readonly by: string | null;
  readonly at: string | null;
}

/** An approval that nobody has given. */
export const NOT_GIVEN: GivenApproval = { hash: null, by: null, at: null };

/** The approval of a definition with these packages, where `given` was approved. It holds for the same hash only. */
export function approvalFor(
  packages: readonly ServerPackage[],
  given: GivenApproval = NOT_GIVEN,
): ServerApproval {
  const onHost = packages.filter(runsOnHost);
  const hash = hashOf(onHost);
  const commands = onHost.map(commandOf);
  const base = { hash, commands, approvedBy: null, approvedAt: null };
  if (onHost.length === 0) return { ...base, status: "not_required" };
  if (given.hash !== hash) return { ...base, status: "pending" };
  return { ...base, status: "approved", approvedBy: given.by, approvedAt: given.at };
}

/** Whether the package would run code with the host's own rights. */
export function runsOnHost({ registryType }: Pick<ServerPackage, "registryType">): boolean {
  return registryType !== "oci";
}

/** What is run for the package: the program and its arguments, as they are handed to the system. */
export function launchArguments(candidate: ServerPackage): readonly string[] {
  const { registryType, command = "", identifier = "", version, args } = candidate;
  if (registryType === "command") return [command, ...args];
  if (registryType === "npm")
    return ["npx", "--yes", version ? `${identifier}@${version}` : identifier, ...args];
  return ["uvx", version ? `${identifier}==${version}` : identifier, ...args];
}

/** A JSON array, so that no quoting can hide where an argument ends; then the variables that are set without being asked for. */
function commandOf(candidate: ServerPackage): string {
  const line = visible(JSON.stringify(launchArguments(candidate)));
  const defaults = candidate.environmentVariables
    .filter((variable) => variable.default !== null)
    .map((variable) => `${variable.name}=${visible(JSON.stringify(variable.default))}`);
  return defaults.length === 0 ? line : `${line} with ${defaults.join(" ")}`;
}

/** Characters that a reader cannot see, or that turn the direction of the text, as escapes. */
function visible(json: string): string {
  return json.replace(/[\p{C}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]|\u034f|[\ufe00-\ufe0f]/gu, (character) =>
    [...Array(character.length).keys()]
      .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

/** Covers all that decides what runs: program, arguments, package, version, transport, names and defaults of variables. */
function hashOf(onHost: readonly ServerPackage[]): string {
  const document = onHost.map((candidate) => [
    candidate.registryType,
    candidate.command ?? null,
    candidate.args,
    candidate.identifier ?? null,
    candidate.version ?? null,
    candidate.transport.type,
    candidate.environmentVariables
      .map((variable) => [variable.name, variable.default])
      .sort(([left], [right]) => (String(left) < String(right) ? -1 : 1)),
  ]);
  // Arrays only: their members have one order, so that equal packages have one text.
  return createHash("sha256").update(JSON.stringify(document)).digest("hex");
}
