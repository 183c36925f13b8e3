import { z } from "@hono/zod-openapi";
import { ownedParameters, queryText, wholeNumber } from "../queries.ts";
import { auditEntryView, pageOf, toolCallRecordView } from "../record-views.ts";
import { defineRoute, type Route } from "../route.ts";
import { costSummaryView, usageIntervalView } from "../usage-views.ts";

const tag = "records";
const DEFAULT_COST_DAYS = 30;

/** What happened, who did it, and what it cost. */
export const recordRoutes: readonly Route[] = [
  defineRoute({
    method: "get",
    path: "/tool-calls",
    operationId: "listToolCalls",
    summary: "Tool calls that ended, newest first.",
    tag,
    query: z.strictObject({
      ...ownedParameters,
      instanceId: queryText.optional(),
      tool: queryText.optional(),
      status: z.enum(["success", "failed", "timeout"]).optional(),
    }),
    success: { status: 200, description: "One page.", schema: pageOf(toolCallRecordView) },
    answer: ({ services, query, options }) => services.tools.history(query, options),
  }),
  defineRoute({
    method: "get",
    path: "/audit",
    operationId: "listAuditEntries",
    summary: "Who did what, and who was refused; newest first.",
    tag,
    query: z.strictObject({
      ...ownedParameters,
      action: queryText.optional(),
      subjectId: queryText.optional(),
    }),
    success: { status: 200, description: "One page.", schema: pageOf(auditEntryView) },
    answer: ({ services, query, options }) => services.audit.list(query, options),
  }),
  defineRoute({
    method: "get",
    path: "/usage",
    operationId: "listUsage",
    summary: "Intervals in which instances ran, newest first.",
    tag,
    query: z.strictObject({ ...ownedParameters, instanceId: queryText.optional() }),
    success: { status: 200, description: "One page.", schema: pageOf(usageIntervalView) },
    answer: ({ services, query, options }) => services.usage.list(query, options),
  }),
  defineRoute({
    method: "get",
    path: "/costs",
    operationId: "getCosts",
    summary: `What the last days cost; ${DEFAULT_COST_DAYS} days if \`days\` is left out.`,
    tag,
    query: z.strictObject({ days: wholeNumber(1, 366).optional(), ownerId: queryText.optional() }),
    success: { status: 200, description: "The sum.", schema: costSummaryView },
    answer: ({ services, query, options }) =>
      services.usage.costs({ days: DEFAULT_COST_DAYS, ...query }, options),
  }),
];
