/**
 * What a request of the admin API may say: one description that checks a value and is its JSON Schema.
 *
 * Small on purpose: what the table of endpoints needs and no more. Invariant: a value has no problem exactly
 * if the JSON Schema takes it, but for what `because` adds, which the schema can only describe.
 */
import { suggestion } from "@holdfast/core";

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Schema<T> {
  /** As OpenAPI 3.1 has it. */
  readonly json: JsonSchema;
  /** What the value must be, as the end of a sentence. */
  readonly form: string;
  /** What is wrong with the value, as a sentence; undefined when nothing is. `where` names it. */
  problem(value: unknown, where: string): string | undefined;
  /** The type of a right value: nothing has this at runtime. */
  readonly value?: T;
}

export interface Optional<T> extends Schema<T> {
  readonly optional: true;
}

export type ValueOf<S> = S extends Schema<infer T> ? T : never;

type Fields = Readonly<Record<string, Schema<unknown>>>;
type OptionalNames<F> = { [Name in keyof F]: F[Name] extends Optional<unknown> ? Name : never }[keyof F];

/** Optional fields may be missing; null is a value of its own. */
export type ObjectOf<F extends Fields> = {
  readonly [Name in Exclude<keyof F, OptionalNames<F>>]: ValueOf<F[Name]>;
} & { readonly [Name in OptionalNames<F>]?: ValueOf<F[Name]> | undefined };

const SHOWN_LENGTH = 40;

export function optional<T>(schema: Schema<T>): Optional<T> {
  return { ...schema, optional: true };
}

/** The same with a sentence for the reader. */
export function described<S extends Schema<unknown>>(schema: S, description: string): S {
  return { ...schema, json: { ...schema.json, description } };
}

export interface TextRules {
  /** Characters. */
  readonly min?: number;
  readonly max: number;
  /** What else keeps a text from being right, as the end of a sentence about it. */
  readonly because?: (text: string) => string | undefined;
}

export function text({ min = 1, max, because }: TextRules): Schema<string> {
  const form = `a string of ${min} to ${max} characters`;
  return {
    json: { type: "string", minLength: min, maxLength: max },
    form,
    problem(value, where) {
      if (typeof value !== "string" || value.length < min || longer(value, max))
        return wrong(where, form, value);
      const why = because?.(value);
      return why === undefined ? undefined : `${where} ${why}.`;
    },
  };
}

export function oneOf<const Words extends readonly string[]>(words: Words): Schema<Words[number]> {
  const form = `one of ${words.map((word) => `"${word}"`).join(", ")}`;
  return {
    json: { type: "string", enum: words },
    form,
    problem: (value, where) => (words.some((word) => word === value) ? undefined : wrong(where, form, value)),
  };
}

export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Schema<number> {
  const form =
    max === Number.MAX_SAFE_INTEGER
      ? `a whole number from ${min} up`
      : `a whole number from ${min} to ${max}`;
  return {
    json: { type: "integer", minimum: min, maximum: max },
    form,
    problem: (value, where) =>
      Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
        ? undefined
        : wrong(where, form, value),
  };
}

export function number(): Schema<number> {
  return {
    json: { type: "number" },
    form: "a number",
    problem: (value, where) => (Number.isFinite(value) ? undefined : wrong(where, "a number", value)),
  };
}

export function flag(): Schema<boolean> {
  return {
    json: { type: "boolean" },
    form: "true or false",
    problem: (value, where) =>
      typeof value === "boolean" ? undefined : wrong(where, "true or false", value),
  };
}

export function anything(): Schema<unknown> {
  return { json: {}, form: "any JSON value", problem: () => undefined };
}

export function orNull<T>(schema: Schema<T>): Schema<T | null> {
  return {
    json: { anyOf: [schema.json, { type: "null" }] },
    form: `${schema.form}, or null`,
    problem: (value, where) => (value === null ? undefined : schema.problem(value, where)),
  };
}

export function list<T>(of: Schema<T>, min: number, max: number): Schema<readonly T[]> {
  const form = `a list of ${min} to ${max}`;
  return {
    json: { type: "array", items: of.json, minItems: min, maxItems: max },
    form,
    problem(value, where) {
      if (!Array.isArray(value)) return wrong(where, form, value);
      if (value.length < min || value.length > max)
        return `${capital(where)} must be ${form}, not of ${value.length}.`;
      for (const [index, each] of value.entries()) {
        const problem = of.problem(each, `\`${bare(where)}[${index}]\``);
        if (problem !== undefined) return problem;
      }
      return undefined;
    },
  };
}

export interface ObjectRules<Name> {
  /** One of these fields has to be there, and no other of them. */
  readonly exactlyOne?: readonly Name[];
  /** What is wrong between fields that are right one by one: the field, and the end of the sentence. */
  readonly between?: (
    given: Readonly<Record<string, unknown>>,
  ) => readonly [name: Name, wrong: string] | undefined;
}

export function object<F extends Fields>(
  fields: F,
  { exactlyOne, between }: ObjectRules<keyof F & string> = {},
): Schema<ObjectOf<F>> {
  const names = Object.keys(fields);
  const required = names.filter((name) => !isOptional(fields[name]));
  return {
    json: {
      type: "object",
      properties: Object.fromEntries(names.map((name) => [name, fields[name]?.json])),
      ...(required.length > 0 && { required }),
      additionalProperties: false,
      ...(exactlyOne && { oneOf: exactlyOne.map((name) => ({ required: [name] })) }),
    },
    form: "an object",
    problem(value, where) {
      if (typeof value !== "object" || value === null || Array.isArray(value))
        return wrong(where, `an object${names.length === 0 ? "" : ` with ${listed(names)}`}`, value);
      const given = value as Readonly<Record<string, unknown>>;
      for (const name of Object.keys(given))
        if (!names.includes(name)) return unknownField(name, where, names);
      if (exactlyOne !== undefined && exactlyOne.filter((name) => Object.hasOwn(given, name)).length !== 1)
        return `${capital(where)} needs exactly one of ${listed(exactlyOne)}.`;
      for (const [name, schema] of Object.entries(fields)) {
        const at = `\`${within(where, name)}\``;
        if (!Object.hasOwn(given, name)) {
          if (isOptional(schema)) continue;
          return `${at} is missing: ${schema.form}.`;
        }
        const problem = schema.problem(given[name], at);
        if (problem !== undefined) return problem;
      }
      const [name, wrongBetween] = between?.(given) ?? [];
      return name === undefined ? undefined : `\`${within(where, name)}\` ${wrongBetween}.`;
    },
  };
}

/**
 * One of several objects, told apart by their fields. For answers; it is not told what is wrong with which.
 */
export function either<A, B>(a: Schema<A>, b: Schema<B>): Schema<A | B> {
  return {
    json: { anyOf: [a.json, b.json] },
    form: `${a.form} or ${b.form}`,
    problem: (value, where) => (a.problem(value, where) === undefined ? undefined : b.problem(value, where)),
  };
}

/** In characters as JSON Schema counts them: code points. */
function longer(value: string, max: number): boolean {
  return value.length > max && (value.length > 2 * max || [...value].length > max);
}

function isOptional(schema: Schema<unknown> | undefined): boolean {
  return schema !== undefined && "optional" in schema;
}

function unknownField(name: string, where: string, names: readonly string[]): string {
  const what = `${capital(where)} has an unknown field ${shown(name)}${suggestion(name, names)}`;
  return names.length === 0 ? `${what}: it has none.` : `${what}. There are: ${names.join(", ")}.`;
}

function wrong(where: string, form: string, value: unknown): string {
  return `${capital(where)} must be ${form}, not ${shown(value)}.`;
}

function shown(value: unknown): string {
  if (value !== null && typeof value === "object") return Array.isArray(value) ? "a list" : "an object";
  const all = typeof value === "string" ? JSON.stringify(value.slice(0, SHOWN_LENGTH + 1)) : String(value);
  return all.length > SHOWN_LENGTH ? `${all.slice(0, SHOWN_LENGTH)}…` : all;
}

function listed(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}

/** `` `a[0]` `` and `b` → `a[0].b`; at the top of a body or a query the name alone. */
function within(where: string, name: string): string {
  return where.startsWith("`") ? `${bare(where)}.${name}` : name;
}

function bare(where: string): string {
  return where.startsWith("`") ? where.slice(1, -1) : where;
}

function capital(where: string): string {
  return where.charAt(0).toUpperCase() + where.slice(1);
}
