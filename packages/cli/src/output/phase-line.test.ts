import { examine } from "@holdfast/doctor";
import { describe, expect, it } from "@jest/globals";
import { TestTerminal } from "../testing/terminal.js";
import { doctorText } from "./doctor-text.js";
import { PhaseLine } from "./phase-line.js";

describe("what a command is doing", () => {
  it("is a line for each phase where nothing can be written over", () => {
    const terminal = new TestTerminal();
    const line = new PhaseLine(terminal);
    for (const text of ["asking Redis: 0 of 100", "asking Redis: 1 of 100", "looking at TLS"])
      line.show(text);
    line.end();
    expect(terminal.errors).toEqual(["asking Redis …", "looking at TLS …"]);
    expect(terminal.printed).toEqual([]);
  });

  it("is written over on a terminal, and cleared", () => {
    const shown: string[] = [];
    const terminal = Object.assign(new TestTerminal(), { status: (text: string) => void shown.push(text) });
    const line = new PhaseLine(terminal);
    line.show("asking Redis: 0 of 100");
    line.show("asking Redis: 1 of 100");
    line.end();
    expect(shown).toEqual(["asking Redis: 0 of 100", "asking Redis: 1 of 100", ""]);
    expect(terminal.errors).toEqual([]);
  });
});

describe("a doctor's report", () => {
  it("has the same words with colours and without", () => {
    const report = examine([], {} as never);
    const result = {
      code: "HF-M001",
      title: "files",
      outcome: "failed",
      found: "few",
      why: "Why.",
      limits: [],
      mend: "Mend.",
      link: "https://x",
    } as const;
    const groups = [{ title: "Machine", results: [result] }];
    const plain = doctorText({ ...report, groups }, { colour: false });
    const coloured = doctorText({ ...report, groups }, { colour: true });
    expect(plain).not.toContain("\x1b");
    expect(coloured).toContain("\x1b[31mfailed ");
    expect(coloured.replaceAll(new RegExp(`${"\x1b"}\\[\\d+m`, "g"), "")).toBe(plain);
  });
});
