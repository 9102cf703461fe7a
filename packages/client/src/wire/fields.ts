/**
 * Fields: single values of decoded JSON, of which nothing is certain.
 */

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isText(value: unknown): value is string {
  return typeof value === "string";
}

export function textOr(value: unknown, otherwise: string): string {
  return isText(value) ? value : otherwise;
}

export function numberOr(value: unknown, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}

/** A finite number above 0. */
export function positive(value: unknown, otherwise: number): number {
  const number = numberOr(value, 0);
  return number > 0 && number < Number.POSITIVE_INFINITY ? number : otherwise;
}
