/**
 * One limit of a platform: a number with its unit, where it comes from, and what it is needed for.
 *
 * Owns the form. The tables in limits/ own the values. Invariant: each fact is written in one table only;
 * the AWS kit, the commands, deploy/sysctl and docs/limits.md read it from there or are checked against
 * it.
 */

/**
 * How well a value is known.
 *
 * - `documented`: in the platform's own documentation or source
 * - `measured`: by this project, see docs/performance.md
 * - `observed`: in a public report of others, once
 * - `rule`: a rule of thumb of this project, without a measurement
 * - `general`: general knowledge, without a source that was opened; read it again before you rely on it
 * - `open`: not established; the code must find out at run time
 */
export type Standing = "documented" | "measured" | "observed" | "rule" | "general" | "open";

export interface Limit<Value extends number | string | boolean = number | string | boolean> {
  /** Stable: `doctor`, `plan` and the documents name limits by it. */
  readonly id: string;
  readonly value: Value;
  readonly unit: string;
  readonly standing: Standing;
  readonly source: string;
  readonly reason: string;
}

export type LimitTable = Readonly<Record<string, Limit>>;

/** A row of a table. The type of its value stays that of a number, a word or a yes. */
export function limit(...row: Row<number>): Limit<number>;
export function limit(...row: Row<string>): Limit<string>;
export function limit(...row: Row<boolean>): Limit<boolean>;
export function limit(...[id, value, unit, standing, source, reason]: Row<number | string | boolean>): Limit {
  return Object.freeze({ id, value, unit, standing, source, reason });
}

type Row<Value> = [
  id: string,
  value: Value,
  unit: string,
  standing: Standing,
  source: string,
  reason: string,
];
