/**
 * Durations: `500ms`, `30s`, `5m`, `2h`, and `off` where a setting can be switched off.
 *
 * A bare number is refused: a reader cannot see whether it means seconds or milliseconds.
 * Invariant: formatting and parsing are inverse for every whole number of milliseconds.
 */
import { z } from "zod";
import { mustBe, type Shape } from "./shape.js";

/** Milliseconds of each unit, largest first. */
const UNITS: readonly (readonly [string, number])[] = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
];

const DURATION = /^(\d{1,9})(ms|s|m|h)$/;

/** Milliseconds, or undefined when `text` is not a duration. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  const unit = UNITS.find(([name]) => name === match?.[2]);
  return unit === undefined ? undefined : Number(match?.[1]) * unit[1];
}

/** In the largest unit that needs no fraction. */
export function formatDuration(ms: number): string {
  const [name, size] = UNITS.find(([, each]) => ms > 0 && ms % each === 0) ?? ["ms", 1];
  return `${ms / size}${name}`;
}

/** A duration from `min` to `max`, both in ms and included. The value is in ms. */
export function duration(min: number, max: number): Shape<number> {
  const form = `a duration from ${formatDuration(min)} to ${formatDuration(max)} such as 500ms, 30s or 5m`;
  const rule = mustBe(form);
  return {
    schema: z.codec(z.string(rule), z.number(), {
      decode: (text, context) => {
        const ms = parseDuration(text);
        if (ms !== undefined && ms >= min && ms <= max) return ms;
        context.issues.push({ code: "custom", input: text, message: rule.error({ input: text }) });
        return z.NEVER;
      },
      encode: formatDuration,
    }),
    placeholder: "duration",
    form,
    readText: (text) => text,
    toText: String,
  };
}

/** As `duration`, or `off`, whose value is the word itself. */
export function durationOrOff(min: number, max: number): Shape<number | "off"> {
  const shape = duration(min, max);
  const form = `${shape.form}, or off`;
  const rule = mustBe(form);
  return {
    ...shape,
    schema: z.union([z.literal("off"), shape.schema], rule),
    placeholder: "duration|off",
    form,
  };
}
