import { type IdentifierNode, type KyselyPlugin, OperationNodeTransformer } from "kysely";
import { PlatformError } from "../errors.ts";

/** How every table and index of the platform is named in its queries. */
export const DEFAULT_TABLE_PREFIX = "mcp_";

/**
 * Renames `mcp_*` tables and indexes on their way to the database, in built queries and in `sql.table`,
 * `sql.ref` and `sql.id`; names inside the text of raw SQL stay as they are. Throws `INVALID_INPUT` for a prefix that
 * is not 1 to 24 lower-case letters, digits and underscores, beginning with a letter.
 */
export function tablePrefixPlugin(prefix: string): KyselyPlugin {
  if (typeof prefix !== "string" || !/^[a-z][a-z0-9_]{0,23}$/.test(prefix)) {
    const message = `The table prefix "${prefix}" must be 1 to 24 lower-case letters, digits or underscores, starting with a letter.`;
    throw new PlatformError("INVALID_INPUT", message, {
      details: { issues: [{ path: "tablePrefix", message }] },
    });
  }
  const transformer = new PrefixTransformer(prefix);
  return {
    transformQuery: ({ node, queryId }) => transformer.transformNode(node, queryId),
    transformResult: async ({ result }) => result,
  };
}

class PrefixTransformer extends OperationNodeTransformer {
  readonly #prefix: string;
  // Kysely transforms a nested query by itself and once more as part of the outer one.
  readonly #renamed = new WeakSet<IdentifierNode>();

  constructor(prefix: string) {
    super();
    this.#prefix = prefix;
  }

  protected override transformIdentifier(node: IdentifierNode): IdentifierNode {
    if (!node.name.startsWith(DEFAULT_TABLE_PREFIX) || this.#renamed.has(node)) return node;
    const renamed = Object.freeze({
      ...node,
      name: this.#prefix + node.name.slice(DEFAULT_TABLE_PREFIX.length),
    });
    this.#renamed.add(renamed);
    return renamed;
  }
}
