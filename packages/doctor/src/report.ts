/**
 * What all checks say of the facts, and what that comes to.
 *
 * Owns the exit code's meaning and the links to paragraphs. Invariant: the worst outcome decides, and what
 * was skipped decides nothing.
 */
import type { Limit } from "@holdfast/platform";
import type { Check, Outcome } from "./check.js";
import type { Facts } from "./facts/facts.js";
import type { CheckGroup } from "./groups.js";

export interface CheckResult {
  readonly code: string;
  readonly title: string;
  readonly outcome: Outcome;
  readonly found: string;
  readonly why: string;
  readonly limits: readonly Limit[];
  readonly mend: string;
  readonly link: string;
}

export interface GroupReport {
  readonly title: string;
  readonly results: readonly CheckResult[];
}

export interface DoctorReport {
  readonly groups: readonly GroupReport[];
  readonly counts: Readonly<Record<Outcome, number>>;
  /** 0: all is well, 4: warnings, 3: something failed. */
  readonly exitCode: 0 | 3 | 4;
}

const DOCUMENT = "https://github.com/holdfast-gateway/holdfast/blob/main/docs/doctor.md";

export function examine(groups: readonly CheckGroup[], facts: Facts): DoctorReport {
  const judged = groups.map(({ title, checks }) => ({
    title,
    results: checks.map((check) => resultOf(check, facts)),
  }));
  const counts: Record<Outcome, number> = { ok: 0, warning: 0, failed: 0, skipped: 0 };
  for (const { results } of judged) for (const { outcome } of results) counts[outcome]++;
  return { groups: judged, counts, exitCode: counts.failed > 0 ? 3 : counts.warning > 0 ? 4 : 0 };
}

function resultOf(check: Check, facts: Facts): CheckResult {
  const { code, title, why, limits, mend } = check;
  const verdict = check.judge(facts);
  return {
    code,
    title,
    outcome: verdict.outcome,
    found: verdict.found,
    why,
    limits,
    mend: verdict.mend ?? mend,
    link: `${DOCUMENT}#${code.toLowerCase()}`,
  };
}
