/**
 * A check: a stable code, what it looks at, why that matters, how it is mended, and the judgement.
 *
 * Owns the form, and that a check without its facts is skipped. Invariant: a check never says `ok` of what
 * could not be found out.
 */
import type { Limit } from "@holdfast/platform";
import { type Fact, isKnown } from "./facts/fact.js";
import type { Facts } from "./facts/facts.js";

export type Outcome = "ok" | "warning" | "failed" | "skipped";

export interface CheckVerdict {
  readonly outcome: Outcome;
  /** What was found, or why it could not be: a sentence without a full stop. */
  readonly found: string;
  /** In place of the check's own, where the facts tell more exactly what to do. */
  readonly mend?: string;
}

export interface Check {
  /** `HF-`, the letter of its group, three digits. It is never given to another check. */
  readonly code: string;
  readonly title: string;
  /** What goes wrong otherwise: a sentence. */
  readonly why: string;
  /** The figures that it judges by, each with its source; none where it is a yes or a no. */
  readonly limits: readonly Limit[];
  /** A sentence, in Markdown. */
  readonly mend: string;
  judge(facts: Facts): CheckVerdict;
}

export function ok(found: string): CheckVerdict {
  return { outcome: "ok", found };
}

export function warning(found: string, mend?: string): CheckVerdict {
  return { outcome: "warning", found, ...(mend === undefined ? {} : { mend }) };
}

export function failed(found: string, mend?: string): CheckVerdict {
  return { outcome: "failed", found, ...(mend === undefined ? {} : { mend }) };
}

export function skipped(why: string): CheckVerdict {
  return { outcome: "skipped", found: why };
}

type Readers = Readonly<Record<string, (facts: Facts) => Fact<unknown>>>;

type Values<Read extends Readers> = {
  readonly [Key in keyof Read]: Read[Key] extends (facts: Facts) => Fact<infer Value> ? Value : never;
};

/** A judgement of facts that are all known. Otherwise the first that is not says why it is skipped. */
export function given<Read extends Readers>(
  readers: Read,
  judge: (values: Values<Read>) => CheckVerdict,
): (facts: Facts) => CheckVerdict {
  return (facts) => {
    const values: Record<string, unknown> = {};
    for (const [name, read] of Object.entries(readers)) {
      const fact = read(facts);
      if (!isKnown(fact)) return skipped(fact.unknown);
      values[name] = fact.value;
    }
    return judge(values as Values<Read>);
  };
}

/** With commas between thousands; `no limit` for Infinity. */
export function count(value: number): string {
  return value === Number.POSITIVE_INFINITY ? "no limit" : value.toLocaleString("en-US");
}

/** In MiB or GiB. */
export function bytes(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "no limit";
  const mib = value / 1024 ** 2;
  return mib < 1024 ? `${mib.toFixed(mib < 10 ? 1 : 0)} MiB` : `${(mib / 1024).toFixed(1)} GiB`;
}

/** `12 %` of 0.12. */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
