import { limitById } from "@holdfast/platform";
import { describe, expect, it } from "@jest/globals";
import { CHECK_GROUPS, START_GROUPS } from "./groups.js";
import { doctorMarkdown } from "./markdown.js";
import { examine } from "./report.js";
import { changed, soundFacts } from "./testing/sound-facts.js";

const all = CHECK_GROUPS.flatMap(({ checks }) => checks);

describe("the checks", () => {
  it("are 45 and more, each with a stable code of its group, words, and figures of packages/platform", () => {
    expect(all.length).toBeGreaterThanOrEqual(45);
    expect(new Set(all.map(({ code }) => code)).size).toBe(all.length);
    for (const { letter, checks } of CHECK_GROUPS) {
      for (const { code, title, why, mend, limits } of checks) {
        expect(code).toMatch(new RegExp(`^HF-${letter}\\d{3}$`));
        expect([code, why.endsWith("."), mend.endsWith(".")]).toEqual([code, true, true]);
        expect(title.length).toBeGreaterThan(2);
        for (const limit of limits) expect(limitById(limit.id)).toBe(limit);
      }
    }
  });

  it("name a figure wherever they judge by one: at least two of three do", () => {
    expect(all.filter(({ limits }) => limits.length > 0).length).toBeGreaterThanOrEqual((all.length * 2) / 3);
  });

  it("have a paragraph each, where their link leads", () => {
    const text = doctorMarkdown();
    const report = examine(CHECK_GROUPS, soundFacts());
    for (const { code, link, why } of report.groups.flatMap(({ results }) => results)) {
      expect(link).toBe(
        `https://github.com/holdfast-gateway/holdfast/blob/main/docs/doctor.md#${code.toLowerCase()}`,
      );
      expect(text).toContain(`\n### ${code}\n`);
      expect(text).toContain(why);
    }
  });

  it("before a start are those of machine, Node.js and settings", () => {
    expect(START_GROUPS.map(({ letter }) => letter)).toEqual(["M", "N", "G"]);
    const codes = START_GROUPS.flatMap(({ checks }) => checks.map(({ code }) => code));
    expect(codes).toContain("HF-G010");
    expect(codes).not.toContain("HF-G040");
  });
});

describe("a report", () => {
  it.each([
    [{}, 0, { ok: all.length, warning: 0, failed: 0, skipped: 0 }],
    [{ "machine/hugePages": "always" }, 4, { ok: all.length - 1, warning: 1, failed: 0, skipped: 0 }],
    [
      { "machine/hugePages": "always", "redis/value/role": "slave" },
      3,
      { ok: all.length - 2, warning: 1, failed: 1, skipped: 0 },
    ],
  ])("of %j ends with %i", (changes, exitCode, counts) => {
    expect(examine(CHECK_GROUPS, changed(soundFacts(), changes))).toMatchObject({ exitCode, counts });
  });

  it("takes the remedy that the facts tell", () => {
    const facts = changed(soundFacts(), { "machine/sysctl/net.core.somaxconn": "128" });
    const [machine] = examine(CHECK_GROUPS, facts).groups;
    expect(machine?.results.find(({ code }) => code === "HF-M010")?.mend).toContain(
      "`net.core.somaxconn = 16384`",
    );
  });
});
