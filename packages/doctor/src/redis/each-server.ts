/**
 * A check of Redis over each server that the settings name: the gravest verdict is the check's.
 *
 * Invariant: with one server it says what it says alone; with more, each finding names its part.
 */
import type { Check, CheckVerdict, Outcome } from "../check.js";
import type { Facts } from "../facts/facts.js";

const RANKS: Readonly<Record<Outcome, number>> = { failed: 0, warning: 1, skipped: 2, ok: 3 };

export function eachServer(check: Check): Check {
  return { ...check, judge: (facts) => gravest(check, facts) };
}

function gravest(check: Check, facts: Facts): CheckVerdict {
  const parts = Object.entries(facts.redisParts);
  if (parts.length === 0) return check.judge(facts);
  const verdicts = [["redis", facts.redis] as const, ...parts].map(([name, redis]) => ({
    name,
    verdict: check.judge({ ...facts, redis }),
  }));
  const rank = Math.min(...verdicts.map(({ verdict }) => RANKS[verdict.outcome]));
  const worst = verdicts.filter(({ verdict }) => RANKS[verdict.outcome] === rank);
  const found = worst.map(({ name, verdict }) => `${name}: ${verdict.found}`).join("; ");
  const [first] = worst;
  return first === undefined ? check.judge(facts) : { ...first.verdict, found };
}
