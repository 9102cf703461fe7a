/**
 * Each check of a group, judged where all is well, where the thing is broken, and where nothing is known.
 *
 * Invariant: a check of the group without a row fails the test.
 */
import { describe, expect, it } from "@jest/globals";
import type { Check, Outcome } from "../check.js";
import { allUnknown, changed, soundFacts } from "./sound-facts.js";

/** Changes by the path of a fact, what comes of them, and a part of what was found. */
export type Break = readonly [changes: Readonly<Record<string, unknown>>, outcome: Outcome, found: string];

export interface BreakingOptions {
  /** Codes of checks that judge what is always known. */
  readonly alwaysKnown?: readonly string[];
}

export function breaking(
  title: string,
  checks: readonly Check[],
  breaks: Readonly<Record<string, readonly Break[]>>,
  { alwaysKnown = [] }: BreakingOptions = {},
): void {
  describe(title, () => {
    it("has a row for each check, with a code of its own", () => {
      const codes = checks.map(({ code }) => code);
      expect(Object.keys(breaks).sort()).toEqual([...codes].sort());
      expect(new Set(codes).size).toBe(codes.length);
    });

    it.each(checks.map((check) => [check.code, check.title, check] as const))(
      "%s (%s) is ok where all is well",
      (...[, , check]) => {
        expect(check.judge(soundFacts())).toMatchObject({ outcome: "ok" });
      },
    );

    const rows = checks.flatMap((check) =>
      (breaks[check.code] ?? []).map(
        ([changes, outcome, found]) => [check.code, outcome, found, changes, check] as const,
      ),
    );
    it.each(rows)("%s is %s: %s", (...[, outcome, found, changes, check]) => {
      const verdict = check.judge(changed(soundFacts(), changes));
      expect([verdict.outcome, verdict.found]).toEqual([outcome, expect.stringContaining(found)]);
    });

    it("breaks each check at least once", () => {
      for (const [code, each] of Object.entries(breaks))
        expect([code, each.some(([, outcome]) => outcome === "failed" || outcome === "warning")]).toEqual([
          code,
          true,
        ]);
    });

    it("never says ok of what is not known", () => {
      const facts = allUnknown(soundFacts(), "it cannot be read here");
      for (const check of checks) {
        const { outcome, found } = check.judge(facts);
        if (alwaysKnown.includes(check.code)) expect(outcome).toBe("ok");
        else expect([check.code, outcome, found]).toEqual([check.code, "skipped", "it cannot be read here"]);
      }
    });
  });
}
