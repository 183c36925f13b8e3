import { z } from "zod";
import type { ResourceLimits } from "../contracts/provider.ts";

const MAXIMUM_CPUS = 1024;
const MAXIMUM_MEGABYTES = 16_777_216;

const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

/** `"512m"`, `"1g"`, `"1.5 GiB"`: whole megabytes of 1,048,576 bytes, rounded up. Undefined for any other text. */
export function megabytesOf(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,12}(?:\.\d{1,6})?) ?([bkmgt])i?b?$/i.exec(text.trim()) ?? [];
  const bytes = unit === undefined ? undefined : BYTES_PER_UNIT[unit.toLowerCase()];
  return bytes === undefined ? undefined : Math.ceil((Number(amount) * bytes) / 2 ** 20);
}

/** `"0.5"`, `"2"`, `"500m"` (thousandths): a number of cores. Undefined for any other text. */
export function cpusOf(text: string): number | undefined {
  const [, amount, thousandths] = /^(\d{1,6}(?:\.\d{1,6})?)(m?)$/.exec(text.trim()) ?? [];
  return amount === undefined ? undefined : Number(amount) / (thousandths ? 1000 : 1);
}

const cpus = z.number().gt(0).max(MAXIMUM_CPUS);
const megabytes = z.int().min(1).max(MAXIMUM_MEGABYTES);

function parsedText(parse: (text: string) => number | undefined, limit: z.ZodType<number>, example: string) {
  return z
    .string()
    .max(40)
    .transform((text, context) => {
      const parsed = limit.safeParse(parse(text));
      if (parsed.success) return parsed.data;
      context.addIssue({ code: "custom", message: `must be a positive amount such as ${example}` });
      return z.NEVER;
    });
}

const cpuAmount = z.union([cpus, parsedText(cpusOf, cpus, '"0.5"')]);
const sizeAmount = parsedText(megabytesOf, megabytes, '"512m" or "1g"');
const percent = z
  .number()
  .gt(0)
  .max(MAXIMUM_CPUS * 100)
  .transform((value) => value / 100);

const fields = {
  cpus: cpuAmount,
  cpu: cpuAmount,
  cpu_limit: cpuAmount,
  max_cpu_percent: percent,
  memoryMb: megabytes,
  memory_mb: megabytes,
  max_memory_mb: megabytes,
  memory: sizeAmount,
  memory_limit: sizeAmount,
  diskMb: megabytes,
  disk_mb: megabytes,
  disk: sizeAmount,
  disk_limit: sizeAmount,
  bestEffort: z.boolean(),
  best_effort: z.boolean(),
  // Which kind of core is a setting of one provider, not a limit: it is accepted and has no effect here.
  cpu_kind: z.enum(["shared", "performance"]),
};

type Field = keyof typeof fields;
type Limits = z.output<z.ZodObject<{ [Name in Field]: z.ZodOptional<(typeof fields)[Name]> }>>;

const SPELLINGS: Readonly<Record<keyof ResourceLimits, readonly Field[]>> = {
  cpus: ["cpus", "cpu", "cpu_limit", "max_cpu_percent"],
  memoryMb: ["memoryMb", "memory_mb", "max_memory_mb", "memory", "memory_limit"],
  diskMb: ["diskMb", "disk_mb", "disk", "disk_limit"],
  bestEffort: ["bestEffort", "best_effort"],
};

function firstOf<Value>(limits: Limits, name: keyof ResourceLimits): Value | undefined {
  return SPELLINGS[name]
    .map((field) => limits[field] as Value | undefined)
    .find((value) => value !== undefined);
}

function checkSpellings(limits: Limits, context: z.core.$RefinementCtx): void {
  for (const [name, spellings] of Object.entries(SPELLINGS)) {
    const given = spellings.filter((field) => limits[field] !== undefined);
    const wrong = given.find((field) => limits[field] !== limits[given[0] ?? field]);
    if (wrong)
      context.addIssue({ code: "custom", path: [wrong], message: `contradicts ${given[0]} (${name})` });
  }
}

function normalise(limits: Limits): ResourceLimits {
  const [cores, memoryMb, diskMb] = (["cpus", "memoryMb", "diskMb"] as const).map((name) =>
    firstOf<number>(limits, name),
  );
  const bestEffort = firstOf<boolean>(limits, "bestEffort");
  return {
    ...(cores === undefined ? {} : { cpus: cores }),
    ...(memoryMb === undefined ? {} : { memoryMb }),
    ...(diskMb === undefined ? {} : { diskMb }),
    ...(bestEffort === undefined ? {} : { bestEffort }),
  };
}

/**
 * Limits in any of the known spellings, as `{ cpus, memoryMb, diskMb, bestEffort }`. Two spellings of one limit
 * must agree.
 */
export const resourceLimitsSchema = z
  .strictObject(fields)
  .partial()
  .superRefine(checkSpellings)
  .transform(normalise);
