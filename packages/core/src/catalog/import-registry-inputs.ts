import { z } from "zod";
import { invalidInput } from "../input.ts";
import { isSecretText } from "./import-secrets.ts";
import type { EnvironmentVariableSource } from "./server-definition.ts";

const input = z.object({
  description: z.string().nullish(),
  isRequired: z.boolean().nullish(),
  isSecret: z.boolean().nullish(),
  format: z.enum(["string", "number", "boolean", "filepath"]).nullish(),
  value: z.string().nullish(),
  default: z.string().nullish(),
  placeholder: z.string().nullish(),
  choices: z.array(z.string()).nullish(),
});

/** The registry's `InputWithVariables`. */
export const registryInputSchema = input.extend({ variables: z.record(z.string(), input).nullish() });

export type RegistryInput = z.output<typeof input>;
type InputWithVariables = z.output<typeof registryInputSchema>;

/** Collects what a person should know about an import. */
export type Notes = string[];

interface Place {
  readonly path: string;
  readonly notes: Notes;
}

/** A template with its `{placeholders}` filled in, or the names of those that nobody has given a value. */
export interface FilledTemplate {
  readonly text: string | undefined;
  readonly missing: readonly string[];
}

/** Puts values and defaults of variables into a template; names that are no variables stay as they are. */
export function fillTemplate(
  template: string,
  variables: Readonly<Record<string, RegistryInput>>,
): FilledTemplate {
  const missing: string[] = [];
  const text = template.replace(/\{([^{}]+)\}/g, (placeholder, name: string) => {
    const variable = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (!variable) return placeholder;
    const value = variable.isSecret ? null : (variable.value ?? variable.default);
    if (value === null || value === undefined) missing.push(name);
    return value ?? "";
  });
  return { text: missing.length === 0 ? text : undefined, missing };
}

/** A variable or header of the registry; what is secret loses its value, and a note says so. */
export function readKeyValue(
  source: InputWithVariables & { readonly name: string },
  { path, notes, isSecret: hasSecretName = false }: Place & { readonly isSecret?: boolean },
): EnvironmentVariableSource {
  const variables = source.variables ?? {};
  const { value } = source;
  const isTemplate = typeof value === "string";
  const filled = isTemplate
    ? fillTemplate(value, variables)
    : { text: source.default ?? undefined, missing: [] };
  const asked = filled.missing.map((name) => variables[name]);
  const isSecret =
    source.isSecret === true ||
    asked.some((one) => one?.isSecret) ||
    hasSecretName ||
    isSecretText(filled.text ?? "");
  if (isSecret && filled.text !== undefined)
    notes.push(`${path} (${source.name}): its value looks secret and was not kept.`);
  const isRequired = source.isRequired ?? (isTemplate && (isSecret || asked.some((one) => one?.isRequired)));
  const form =
    isTemplate && filled.missing.length > 0 && !isSecretText(value) ? ` Write it as: ${value}` : "";
  return {
    name: source.name,
    description: `${source.description ?? ""}${form}`.trim(),
    isRequired,
    isSecret,
    default: isSecret ? null : (filled.text ?? null),
    ...(source.format ? { format: source.format } : {}),
    ...(source.choices?.length ? { choices: source.choices } : {}),
  };
}

interface RegistryArgument extends InputWithVariables {
  readonly type: "positional" | "named";
  readonly name?: string | undefined;
  readonly valueHint?: string | undefined;
}

/** The command line of a package. An argument that nobody gave a value is left out with a note, unless it is required. */
export function readArguments(list: readonly RegistryArgument[], { path, notes }: Place): readonly string[] {
  return list.flatMap((argument, index) => readArgument(argument, { path: `${path}.${index}`, notes }));
}

function readArgument(argument: RegistryArgument, { path, notes }: Place): readonly string[] {
  const label = argument.name ?? argument.valueHint ?? "argument";
  const flag = argument.type === "named" ? [argument.name ?? ""] : [];
  if (isBareFlag(argument)) return flag;
  const template = argument.value ?? argument.default ?? undefined;
  const { text } =
    template === undefined ? { text: undefined } : fillTemplate(template, argument.variables ?? {});
  const isSecret = argument.isSecret === true || isSecretText(text ?? "");
  if (text !== undefined && !isSecret) return [...flag, text];
  if (argument.isRequired) {
    const message = isSecret
      ? `(${label}) is secret, and arguments can be read by everybody; pass it in a variable`
      : `(${label}) is required; give it a value or a default`;
    throw invalidInput("server.json", [{ path, message }]);
  }
  notes.push(`${path} (${label}) was left out: it ${isSecret ? "is secret" : "has no value"}.`);
  return [];
}

/** `--verbose`: a name, and nothing that speaks of a value. */
function isBareFlag(argument: RegistryArgument): boolean {
  const {
    type,
    valueHint,
    value,
    default: fallback,
    placeholder,
    choices,
    format,
    variables,
    isSecret,
  } = argument;
  return (
    type === "named" &&
    !(valueHint ?? value ?? fallback ?? placeholder ?? choices ?? format ?? variables ?? isSecret)
  );
}
