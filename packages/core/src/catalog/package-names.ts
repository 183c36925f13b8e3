import type { ServerPackage } from "./server-definition.ts";

/** Names and versions as the registries take them; ranges, tags, addresses, folders and aliases are none. */
interface PackageGrammar {
  readonly identifier: RegExp;
  readonly version: RegExp;
  /** A valid pair, for messages. */
  readonly example: string;
}

const NPM_PART = "[a-z0-9~][a-z0-9._~-]*";
const IMAGE_PART = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";

const GRAMMARS: Readonly<Record<Exclude<ServerPackage["registryType"], "command">, PackageGrammar>> = {
  npm: {
    identifier: new RegExp(`^(?:@${NPM_PART}/)?${NPM_PART}$`),
    version: /^\d{1,10}\.\d{1,10}\.\d{1,20}(?:-[0-9A-Za-z.-]{1,100})?(?:\+[0-9A-Za-z.-]{1,100})?$/,
    example: 'identifier "@scope/name" and version "1.2.3"',
  },
  pypi: {
    identifier: /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\[[A-Za-z0-9._,-]{1,100}\])?$/,
    version:
      /^(?:\d{1,5}!)?\d{1,20}(?:\.\d{1,20}){0,10}(?:[._-]?(?:a|b|rc|alpha|beta|c|post|dev)[._-]?\d{0,10}){0,3}(?:\+[A-Za-z0-9.]{1,100})?$/,
    example: 'identifier "mcp-server-fetch" and version "2025.4.7"',
  },
  oci: {
    identifier: new RegExp(
      `^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\\d{1,5})?/)?${IMAGE_PART}(?:/${IMAGE_PART}){0,10}(?::\\w[\\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`,
    ),
    version: /^\w[\w.-]{0,127}$/,
    example: 'identifier "ghcr.io/owner/image:1.2.3"',
  },
};

const MAXIMUM_LENGTHS = { npm: 214, pypi: 214, oci: 400 } as const;

/** What is wrong with a package's name or version, by field; empty if both are as its registry has them. */
export function packageNameProblems(
  candidate: Pick<ServerPackage, "registryType" | "identifier" | "version">,
): readonly { readonly path: "identifier" | "version"; readonly message: string }[] {
  const { registryType, identifier, version } = candidate;
  if (registryType === "command") return [];
  const grammar = GRAMMARS[registryType];
  const problems: { path: "identifier" | "version"; message: string }[] = [];
  if (identifier === undefined) {
    problems.push({
      path: "identifier",
      message: `is needed for ${registryType}, such as ${grammar.example}`,
    });
  } else if (identifier.length > MAXIMUM_LENGTHS[registryType] || !grammar.identifier.test(identifier)) {
    problems.push({
      path: "identifier",
      message: `must be the name of a package in the ${registryType} registry, such as ${grammar.example}`,
    });
  }
  if (version !== undefined && !grammar.version.test(version)) {
    problems.push({
      path: "version",
      message: `must be one exact version, no range or tag, such as ${grammar.example}`,
    });
  }
  return problems;
}
