/**
 * Shapes: how a kind of setting is written, in text (flags, environment) and in JSON (holdfast.json).
 *
 * A shape's schema is a zod codec: it decodes what a file may hold and encodes it back, so that what is
 * printed can be read again. Text is only turned into what a file would hold; the schema alone decides
 * whether that is right.
 */
import { z } from "zod";

export interface Shape<Value> {
  /** Decodes the written form (JSON), encodes the value. */
  readonly schema: z.ZodType<Value>;
  /** As in `--port <ports>`; undefined for a flag without a value. */
  readonly placeholder: string | undefined;
  /** What the docs say may be written, e.g. "64KiB". */
  readonly form: string;
  /**
   * Text as a file would hold it. Text that is nothing of the kind is returned as it is, for the schema to
   * refuse.
   */
  readText(text: string): unknown;
  /** The written form as text. */
  toText(written: unknown): string;
}

/** The message of every rule of a schema: one sentence that goes on after the setting's name. */
export function mustBe(what: string): { error: (issue: { input?: unknown }) => string } {
  return { error: ({ input }) => `must be ${what}, not ${excerpt(input)}` };
}

/** The rule of a list: a file has JSON, a flag and a variable have commas. */
export function mustBeList(what: string, ...examples: readonly string[]): ReturnType<typeof mustBe> {
  return mustBe(`a list of ${what}: ${JSON.stringify(examples)} in a file, ${examples.join(",")} elsewhere`);
}

const MAX_EXCERPT = 60;

/** A value as it appears in a message, cut to a readable length. */
export function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= MAX_EXCERPT ? text : `${text.slice(0, MAX_EXCERPT - 1)}…`;
}

/** One word of text that matches `pattern`. */
export function word(placeholder: string, form: string, pattern: RegExp): Shape<string> {
  return {
    schema: z.string(mustBe(form)).regex(pattern, mustBe(form)),
    placeholder,
    form,
    readText: (text) => text,
    toText: String,
  };
}

/** As `word`, for what holds a secret: a refusal does not repeat it. */
export function secretWord(placeholder: string, form: string, pattern: RegExp): Shape<string> {
  const rule = { error: `must be ${form}` };
  return { ...word(placeholder, form, pattern), schema: z.string(rule).regex(pattern, rule) };
}

/** A whole number within bounds. */
export function integer(min: number, max: number): Shape<number> {
  const form = `a whole number from ${min} to ${max}`;
  const rule = mustBe(form);
  return {
    schema: z.number(rule).int(rule).min(min, rule).max(max, rule),
    placeholder: "number",
    form,
    readText: readInteger,
    toText: String,
  };
}

/** A whole number within bounds, or `auto`: computed from the machine at start. */
export function integerOrAuto(min: number, max: number): Shape<number | "auto"> {
  const form = `a whole number from ${min} to ${max}, or auto`;
  const rule = mustBe(form);
  return {
    schema: z.union([z.literal("auto"), z.number().int(rule).min(min, rule).max(max, rule)], rule),
    placeholder: "number",
    form,
    readText: readInteger,
    toText: String,
  };
}

/** A whole number within bounds, or `off`: no limit. */
export function integerOrOff(min: number, max: number): Shape<number | "off"> {
  const form = `a whole number from ${min} to ${max}, or off`;
  const rule = mustBe(form);
  return {
    schema: z.union([z.literal("off"), z.number().int(rule).min(min, rule).max(max, rule)], rule),
    placeholder: "number",
    form,
    readText: readInteger,
    toText: String,
  };
}

/** One of a few words. */
export function choice<const Word extends string>(words: readonly Word[]): Shape<Word> {
  const form = `one of ${words.join(", ")}`;
  return {
    schema: z.enum(words, mustBe(form)),
    placeholder: words.join("|"),
    form,
    readText: (text) => text,
    toText: String,
  };
}

/** Yes or no; on the command line the flag itself, or `--no-…`. */
export function yesNo(): Shape<boolean> {
  return {
    schema: z.boolean(mustBe("true or false")),
    placeholder: undefined,
    form: "true or false",
    readText: (text) => (text === "true" ? true : text === "false" ? false : text),
    toText: String,
  };
}

function readInteger(text: string): unknown {
  return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}
