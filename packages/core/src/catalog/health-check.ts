import { z } from "zod";
import { lineText } from "../input-fields.ts";
import type { HealthCheck } from "./server-definition.ts";

/** How an instance is probed when its definition says nothing. */
export const DEFAULT_HEALTH_CHECK: HealthCheck = {
  path: "/health",
  intervalSeconds: 30,
  timeoutSeconds: 5,
  failureThreshold: 3,
};

/** A path that cannot leave its host: `//host/x` and `/\host` are addresses of another one. */
const path = lineText(1000).regex(/^\/(?![/\\])[^\s\\]*$/, "must be a path that starts with one slash");
const interval = z.number().min(1).max(86_400);
const timeout = z.number().min(0.1).max(300);
const failures = z.int().min(1).max(100);

const objectForm = z
  .strictObject({
    path,
    endpoint: path,
    intervalSeconds: interval,
    interval,
    timeoutSeconds: timeout,
    timeout,
    failureThreshold: failures,
    retries: failures,
  })
  .partial();

type ObjectForm = z.output<typeof objectForm>;

const SPELLINGS: Readonly<Record<keyof HealthCheck, keyof ObjectForm>> = {
  path: "endpoint",
  intervalSeconds: "interval",
  timeoutSeconds: "timeout",
  failureThreshold: "retries",
};

function checkSpellings(form: ObjectForm, context: z.core.$RefinementCtx): void {
  for (const [name, other] of Object.entries(SPELLINGS) as [keyof HealthCheck, keyof ObjectForm][]) {
    if (form[name] === undefined || form[other] === undefined || form[name] === form[other]) continue;
    context.addIssue({ code: "custom", path: [other], message: `contradicts ${name}` });
  }
}

/** A path, or an object with either spelling of each member; what is left out takes its default. */
export const healthCheckSchema = z
  .union([path.transform((text): ObjectForm => ({ path: text })), objectForm.superRefine(checkSpellings)])
  .transform(
    (form): HealthCheck => ({
      path: form.path ?? form.endpoint ?? DEFAULT_HEALTH_CHECK.path,
      intervalSeconds: form.intervalSeconds ?? form.interval ?? DEFAULT_HEALTH_CHECK.intervalSeconds,
      timeoutSeconds: form.timeoutSeconds ?? form.timeout ?? DEFAULT_HEALTH_CHECK.timeoutSeconds,
      failureThreshold: form.failureThreshold ?? form.retries ?? DEFAULT_HEALTH_CHECK.failureThreshold,
    }),
  );
