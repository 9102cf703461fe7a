/**
 * How the checks of the way from outside read its facts.
 */
import { type Fact, within } from "../facts/fact.js";
import type { Facts } from "../facts/facts.js";
import type { OutsideFacts } from "../facts/outside.js";

export const outside = ({ outside: facts }: Facts): Fact<OutsideFacts> => facts;

/** One fact of the way. */
export function of<Value>(pick: (outside: OutsideFacts) => Fact<Value>): (facts: Facts) => Fact<Value> {
  return ({ outside: facts }) => within(facts, pick);
}
