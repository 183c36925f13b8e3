import { z } from "zod";
import { IDLE_ACTIONS, ISOLATIONS, SECRET_DELIVERIES } from "./instance.ts";

const YEAR_SECONDS = 31_536_000;

const seconds = z.int().min(1).max(YEAR_SECONDS).nullable();

const variables = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]{0,127}$/), z.string().max(65_536));

const changeable = {
  name: z.string().min(1).max(200),
  environment: variables,
  providerOptions: z.record(z.string(), z.unknown()),
  ttlSeconds: seconds,
  idleSeconds: seconds,
  onIdle: z.enum(IDLE_ACTIONS),
  isolation: z.enum(ISOLATIONS),
  secretDelivery: z.enum(SECRET_DELIVERIES),
  restartOnRotation: z.boolean(),
  enabled: z.boolean(),
};

/** Input of `instances.create` and of `POST /instances`. Unknown members are refused. */
export const instanceInputSchema = z
  .strictObject({
    serverId: z.string().min(1).max(100),
    provider: z.string().min(1).max(100),
    ownerId: z.string().min(1).max(200),
    ...changeable,
  })
  .partial()
  .required({ serverId: true });

/** Input of `instances.update` and of `PATCH /instances/:id`. */
export const instanceChangesSchema = z.strictObject(changeable).partial();

export type ParsedInstanceInput = z.output<typeof instanceInputSchema>;
export type ParsedInstanceChanges = z.output<typeof instanceChangesSchema>;
