import { z } from "zod";
import type { Actor, ActorOptions } from "../access/actor.ts";
import type { AuditWriter } from "../access/audit.ts";
import type { Access, AccessSubject, Action } from "../access/authorize.ts";
import { notFound } from "../access/not-found.ts";
import { type Clock, isoTime } from "../clock.ts";
import type { Vault } from "../contracts/vault.ts";
import { PlatformError } from "../errors.ts";
import type { EventPublisher } from "../events.ts";
import type { IdFactory } from "../ids.ts";
import { parseInput, withoutUndefined } from "../input.ts";
import { lineText, pageFields } from "../input-fields.ts";
import type { Catalog } from "../services.ts";
import type { Database } from "../store/database.ts";
import {
  findServer,
  insertServer,
  listServers,
  lockServer,
  removeServer,
  updateServer,
} from "../store/servers.ts";
import { approvalFor, type GivenApproval } from "./approval.ts";
import { serverDefinitionSchema } from "./definition-schema.ts";
import { readImport } from "./import.ts";
import type { ServerDefinition, ServerDefinitionInput } from "./server-definition.ts";

/** What {@link createCatalog} needs. */
export interface CatalogOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdFactory;
  readonly events: EventPublisher;
  readonly access: Access;
  readonly audit: AuditWriter;
  /** Holds what is kept secret for a definition. */
  readonly vault?: Vault | undefined;
  /** How many instances of the definition exist. */
  countInstances(serverId: string): Promise<number>;
}

/** Owner of what the host's own code registers without naming one. */
const HOST_OWNER = "host";

const ownerSchema = lineText(200).optional();
const querySchema = z
  .strictObject({ ...pageFields, ownerId: lineText(200), search: lineText(200) })
  .partial();
const changesSchema = z.record(z.string(), z.unknown());
const approvalSchema = z.strictObject({
  hash: z.string().regex(/^[0-9a-f]{64}$/, "must be the approval hash of the definition"),
});

/** The server definitions of a database; see {@link Catalog}. */
export function createCatalog(deps: CatalogOptions): Catalog {
  return {
    async register(definition, options = {}) {
      const input = parseInput(serverDefinitionSchema, definition, "server definition");
      const [server] = await addAll(deps, [input], options);
      if (!server) throw new PlatformError("INTERNAL", "A registered server definition got lost.");
      return server;
    },
    async import(source, options = {}) {
      const inputs = readImport(source).map(({ name, definition }) =>
        parseInput(serverDefinitionSchema, definition, `server "${name}" of the import`),
      );
      return addAll(deps, inputs, options);
    },
    get: (serverId, options = {}) =>
      permitted(deps, serverId, { actor: options.actor, action: "server.read" }),
    async list(query = {}, options = {}) {
      const parsed = parseInput(querySchema, query, "query");
      const ownerId = await deps.access.visibleOwner(options.actor, "server.read", parsed.ownerId);
      const includePublic = parsed.ownerId === undefined;
      return listServers(deps.database.connection, withoutUndefined({ ...parsed, ownerId, includePublic }));
    },
    update: (serverId, changes, options = {}) => update(deps, serverId, { changes, actor: options.actor }),
    remove: (serverId, options = {}) => remove(deps, serverId, options.actor),
    approve: (serverId, approval, options = {}) =>
      approve(deps, serverId, { approval, actor: options.actor }),
  };
}

interface Ask {
  readonly actor: Actor | undefined;
  readonly action: Action;
}

function subjectOf({
  id,
  ownerId,
  visibility,
}: Pick<ServerDefinition, "id" | "ownerId" | "visibility">): AccessSubject {
  return { type: "server", id, ownerId, visibility };
}

/** The definition, if this actor may do that to it. */
async function permitted(deps: CatalogOptions, serverId: string, ask: Ask): Promise<ServerDefinition> {
  const isId = lineText(200).safeParse(serverId).success;
  const server = isId ? await findServer(deps.database.connection, serverId) : undefined;
  if (!server) throw notFound("server", String(serverId));
  await deps.access.require(ask.actor, ask.action, subjectOf(server));
  return server;
}

async function addAll(
  deps: CatalogOptions,
  inputs: readonly ServerDefinitionInput[],
  options: ActorOptions & { readonly ownerId?: string },
): Promise<readonly ServerDefinition[]> {
  const { actor } = options;
  const ownerId = parseInput(ownerSchema, options.ownerId, "owner") ?? actor?.id ?? HOST_OWNER;
  const subject: AccessSubject = { type: "server", id: null, ownerId };
  await deps.access.require(actor, "server.create", subject);
  const isTrusted = await deps.access.allows(actor, "server.approve", subject);
  const at = isoTime(deps.clock.now());
  const servers = inputs.map((input): ServerDefinition => {
    const given = isTrusted ? approvalNow(input, actor, at) : undefined;
    const approval = approvalFor(input.packages, given);
    return { ...input, id: deps.ids(), ownerId, approval, createdAt: at, updatedAt: at, deletedAt: null };
  });
  await deps.database.transaction(async (transaction) => {
    for (const server of servers) {
      await insertServer(transaction, server);
      const data = { serverId: server.id, name: server.name };
      await deps.events.record(transaction, {
        type: "server.registered",
        ownerId,
        subjectId: server.id,
        data,
      });
    }
  });
  await deps.events.deliver();
  for (const server of servers) await audited(deps, server, { actor, action: "server.create" });
  return servers;
}

function approvalNow(input: ServerDefinitionInput, actor: Actor | undefined, at: string): GivenApproval {
  return { hash: approvalFor(input.packages).hash, by: actor?.id ?? null, at };
}

async function update(
  deps: CatalogOptions,
  serverId: string,
  { changes, actor }: { readonly changes: object; readonly actor: Actor | undefined },
): Promise<ServerDefinition> {
  const given = withoutUndefined(parseInput(changesSchema, changes, "changes of the server definition"));
  const seen = await permitted(deps, serverId, { actor, action: "server.update" });
  const isTrusted = await deps.access.allows(actor, "server.approve", subjectOf(seen));
  const at = isoTime(deps.clock.now());
  const server = await deps.database.transaction(async (transaction) => {
    const current = await lockServer(transaction, deps.database.dialect, serverId);
    if (!current) throw notFound("server", serverId);
    const input = parseInput(serverDefinitionSchema, { ...inputOf(current), ...given }, "server definition");
    // A trusted caller answers for the change, not for what somebody else wrote and nobody has approved yet.
    const vouched = isTrusted && current.approval.status !== "pending";
    const kept: GivenApproval = {
      hash: current.approval.status === "approved" ? current.approval.hash : null,
      by: current.approval.approvedBy,
      at: current.approval.approvedAt,
    };
    const isSame = approvalFor(input.packages).hash === current.approval.hash;
    const approval = approvalFor(input.packages, vouched && !isSame ? approvalNow(input, actor, at) : kept);
    const next: ServerDefinition = { ...current, ...input, approval, updatedAt: at };
    await updateServer(transaction, next);
    await deps.events.record(transaction, {
      type: "server.updated",
      ownerId: next.ownerId,
      subjectId: serverId,
      data: { serverId, name: next.name },
    });
    return next;
  });
  await deps.events.deliver();
  await audited(deps, server, { actor, action: "server.update" });
  return server;
}

function inputOf(server: ServerDefinition): ServerDefinitionInput {
  const { id, ownerId, approval, createdAt, updatedAt, deletedAt, ...input } = server;
  return input;
}

async function approve(
  deps: CatalogOptions,
  serverId: string,
  { approval, actor }: { readonly approval: unknown; readonly actor: Actor | undefined },
): Promise<ServerDefinition> {
  const { hash } = parseInput(approvalSchema, approval, "approval");
  await permitted(deps, serverId, { actor, action: "server.approve" });
  const given: GivenApproval = { hash, by: actor?.id ?? null, at: isoTime(deps.clock.now()) };
  const server = await deps.database.transaction(async (transaction) => {
    const current = await lockServer(transaction, deps.database.dialect, serverId);
    if (!current) throw notFound("server", serverId);
    if (current.approval.hash !== hash) throw changedMeanwhile(current);
    if (current.approval.status !== "pending") return current;
    const next = { ...current, approval: approvalFor(current.packages, given) };
    await updateServer(transaction, next);
    const { ownerId } = next;
    const data = { serverId, hash, approvedBy: given.by };
    await deps.events.record(transaction, { type: "server.approved", ownerId, subjectId: serverId, data });
    return next;
  });
  await deps.events.deliver();
  await audited(deps, server, { actor, action: "server.approve" });
  return server;
}

async function remove(deps: CatalogOptions, serverId: string, actor: Actor | undefined): Promise<void> {
  const server = await permitted(deps, serverId, { actor, action: "server.remove" });
  if ((await deps.countInstances(serverId)) > 0) throw inUse(server);
  await deps.database.transaction(async (transaction) => {
    const current = await lockServer(transaction, deps.database.dialect, serverId);
    if (!current) throw notFound("server", serverId);
    if (!(await removeServer(transaction, serverId, isoTime(deps.clock.now())))) throw inUse(current);
    const { ownerId } = current;
    await deps.vault?.removeScope(
      { kind: "server", id: serverId, ownerId },
      { connection: transaction, actorId: actor?.id ?? null },
    );
    await deps.events.record(transaction, {
      type: "server.removed",
      ownerId,
      subjectId: serverId,
      data: { serverId },
    });
  });
  await deps.events.deliver();
  await audited(deps, server, { actor, action: "server.remove" });
}

function audited(deps: CatalogOptions, server: ServerDefinition, { actor, action }: Ask): Promise<void> {
  return deps.audit.record({
    actorId: actor?.id ?? null,
    ownerId: server.ownerId,
    action,
    subjectType: "server",
    subjectId: server.id,
    outcome: "allowed",
    details: { name: server.name, approval: server.approval.status, hash: server.approval.hash },
  });
}

function inUse({ name, id }: ServerDefinition): PlatformError<"CONFLICT"> {
  return new PlatformError("CONFLICT", `Server definition "${name}" has instances. Remove them first.`, {
    details: { serverId: id },
  });
}

function changedMeanwhile({ name, id, approval }: ServerDefinition): PlatformError<"CONFLICT"> {
  return new PlatformError(
    "CONFLICT",
    `Server definition "${name}" is not what this hash stands for; it has changed. Read its commands again, then approve ${approval.hash}.`,
    { details: { serverId: id, hash: approval.hash } },
  );
}
