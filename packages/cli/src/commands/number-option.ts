/**
 * Options whose value is a whole number in a range.
 *
 * Invariant: what is no such number ends with a usage error that names the range.
 */
import { InvalidArgumentError, Option } from "commander";

/** An option with a whole number from 1 to `most`. */
export function numberOption(flags: string, description: string, most: number): Option {
  return new Option(flags, description).argParser((text) => wholeNumber(text, most));
}

/** `text` as a whole number from 1 to `most`. Throws commander's error for anything else. */
export function wholeNumber(text: string, most: number): number {
  const value = Number(text);
  if (/^\d{1,10}$/.test(text) && value >= 1 && value <= most) return value;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${most}.`);
}
