import { invalidInput } from "../input.ts";
import { hasSecretName, isSecretText } from "./import-secrets.ts";
import type { EnvironmentVariableSource } from "./server-definition.ts";

/** A question that VS Code asks its user: an element of `inputs`. */
export interface Prompt {
  readonly description?: string | undefined;
  readonly password?: boolean | undefined;
  readonly default?: string | undefined;
  readonly options?: readonly unknown[] | undefined;
}

/** What is known while one server of a configuration is read. */
export interface ConfigurationContext {
  /** Names the server in messages. */
  readonly what: string;
  readonly prompts: ReadonlyMap<string, Prompt>;
  /** Collects what a person should know. */
  readonly notes: string[];
}

type Value = string | number | boolean | null;

const PLACEHOLDER = /\$\{([^{}]*)\}/g;

/** `${VAR}`, `${env:VAR}`, `${VAR:-default}` or `${input:id}`, read. */
interface Placeholder {
  readonly name: string;
  readonly fallback: string | undefined;
  readonly prompt: Prompt | undefined;
}

function readPlaceholder(inner: string, prompts: ConfigurationContext["prompts"]): Placeholder {
  if (inner.startsWith("input:")) {
    const prompt = prompts.get(inner.slice("input:".length));
    return { name: inner, fallback: prompt?.default, prompt };
  }
  const [, name = inner, fallback] = /^(?:env:)?([^:]*)(?::-(.*))?$/s.exec(inner) ?? [];
  return { name, fallback, prompt: undefined };
}

function placeholdersOf(text: string, prompts: ConfigurationContext["prompts"]): readonly Placeholder[] {
  return [...text.matchAll(PLACEHOLDER)].map(([, inner = ""]) => readPlaceholder(inner, prompts));
}

function fill(text: string, prompts: ConfigurationContext["prompts"]): string | undefined {
  if (placeholdersOf(text, prompts).some(({ fallback }) => fallback === undefined)) return undefined;
  return text.replace(PLACEHOLDER, (_, inner: string) => readPlaceholder(inner, prompts).fallback ?? "");
}

/** The text with the defaults of its placeholders. Throws `INVALID_INPUT` for a placeholder without one, and for a secret. */
export function fillDefaults(text: string, path: string, { what, prompts }: ConfigurationContext): string {
  const filled = fill(text, prompts);
  if (filled === undefined) {
    const names = placeholdersOf(text, prompts).map(({ name }) => name);
    const message = `has placeholders without a default (${names.join(", ")}); fill them in first`;
    throw invalidInput(what, [{ path, message }]);
  }
  if (isSecretText(filled)) {
    const message = "holds what looks like a secret, and can be read by everybody; pass it in a variable";
    throw invalidInput(what, [{ path, message }]);
  }
  return filled;
}

/**
 * The variables or headers of one server. A literal becomes the default, unless it looks like a secret: then the
 * variable is required and secret, its value is not kept, and a note says so.
 */
export function readVariables(
  values: Readonly<Record<string, Value>>,
  context: ConfigurationContext & { readonly path: string },
): readonly EnvironmentVariableSource[] {
  return Object.entries(values).map(([name, value]) => readVariable(name, String(value ?? ""), context));
}

function readVariable(
  name: string,
  text: string,
  { prompts, notes, path }: ConfigurationContext & { readonly path: string },
): EnvironmentVariableSource {
  const placeholders = placeholdersOf(text, prompts);
  const [prompt] = placeholders.flatMap((one) => one.prompt ?? []);
  const filled = fill(text, prompts);
  const isSecret =
    hasSecretName(name) ||
    isSecretText(filled ?? text) ||
    placeholders.some((one) => one.prompt?.password === true || hasSecretName(one.name));
  const isLiteral = placeholders.length === 0;
  if (isSecret && filled) notes.push(`${path}.${name}: its value looks secret and was not kept.`);
  if (!isLiteral)
    notes.push(`${path}.${name} was filled from ${placeholders.map((one) => one.name).join(", ")}.`);
  const options =
    placeholders.length === 1 && text.startsWith("${") && text.endsWith("}") ? prompt?.options : undefined;
  const choices = (options ?? []).filter((option) => typeof option === "string");
  return {
    name,
    description: prompt?.description ?? "",
    isRequired: isSecret || filled === undefined,
    isSecret,
    default: isSecret ? null : (filled ?? null),
    ...(choices.length > 0 && choices.length === options?.length ? { choices } : {}),
  };
}
