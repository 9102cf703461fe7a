/**
 * A fact: a value that was found out, or why it could not be.
 *
 * Invariant: what is unknown has a sentence, so that a check which needs it can say why it was left out.
 */

export interface Known<Value> {
  readonly value: Value;
}

export interface Unknown {
  /** Why, as a sentence without a full stop. */
  readonly unknown: string;
}

export type Fact<Value> = Known<Value> | Unknown;

export function known<Value>(value: Value): Known<Value> {
  return { value };
}

export function unknown(why: string): Unknown {
  return { unknown: why };
}

export function isKnown<Value>(fact: Fact<Value>): fact is Known<Value> {
  return "value" in fact;
}

/** A fact about a part of what may be unknown as a whole. */
export function within<Whole, Value>(whole: Fact<Whole>, pick: (whole: Whole) => Fact<Value>): Fact<Value> {
  return isKnown(whole) ? pick(whole.value) : whole;
}

/** The value of a fact made from another. */
export function mapped<Value, Made>(fact: Fact<Value>, make: (value: Value) => Made): Fact<Made> {
  return isKnown(fact) ? known(make(fact.value)) : fact;
}
