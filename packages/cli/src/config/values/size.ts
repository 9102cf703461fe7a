/**
 * Sizes in bytes: `512B`, `64KiB`, `1MiB`, `2GiB`.
 *
 * Binary units only: a `kB` would leave open whether it has 1,000 or 1,024 bytes.
 * Invariant: formatting and parsing are inverse for every whole number of bytes.
 */
import { z } from "zod";
import { mustBe, type Shape } from "./shape.js";

/** Bytes of each unit, largest first. */
const UNITS: readonly (readonly [string, number])[] = [
  ["GiB", 1024 ** 3],
  ["MiB", 1024 ** 2],
  ["KiB", 1024],
  ["B", 1],
];

const SIZE = /^(\d{1,9})(B|KiB|MiB|GiB)$/;

/** Bytes, or undefined when `text` is not a size. */
export function parseSize(text: string): number | undefined {
  const match = SIZE.exec(text);
  const unit = UNITS.find(([name]) => name === match?.[2]);
  return unit === undefined ? undefined : Number(match?.[1]) * unit[1];
}

/** In the largest unit that needs no fraction. */
export function formatSize(bytes: number): string {
  const [name, size] = UNITS.find(([, each]) => bytes > 0 && bytes % each === 0) ?? ["B", 1];
  return `${bytes / size}${name}`;
}

/** A size from `min` to `max` bytes, both included. The value is in bytes. */
export function size(min: number, max: number): Shape<number> {
  const form = `a size from ${formatSize(min)} to ${formatSize(max)} such as 64KiB or 1MiB`;
  const rule = mustBe(form);
  return {
    schema: z.codec(z.string(rule), z.number(), {
      decode: (text, context) => {
        const bytes = parseSize(text);
        if (bytes !== undefined && bytes >= min && bytes <= max) return bytes;
        context.issues.push({ code: "custom", input: text, message: rule.error({ input: text }) });
        return z.NEVER;
      },
      encode: formatSize,
    }),
    placeholder: "size",
    form,
    readText: (text) => text,
    toText: String,
  };
}
