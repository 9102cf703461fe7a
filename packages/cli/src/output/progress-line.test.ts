import type { Progress } from "@holdfast/swarm";
import { describe, expect, test } from "@jest/globals";
import { TestTerminal } from "../testing/terminal.js";
import { ProgressLine, progressText } from "./progress-line.js";

const OPENING: Progress = {
  phase: "opening",
  connections: 100_000,
  agents: 6,
  opened: 22_000,
  connected: 21_300,
  undecided: 700,
  givenUp: 0,
  lost: 0,
  over: 0,
  again: 0,
  moved: 0,
  pings: 0,
  sent: 0,
  refused: 0,
  heard: 0,
  failures: {},
  perSecond: 3_980,
  etaSeconds: 19.8,
};

describe("the line", () => {
  test("says how far, how fast and how long", () => {
    expect(progressText(OPENING)).toBe(
      "opening [####                ] 21,300 of 100,000, 6 agents, 3,980 a second, 20 s left",
    );
  });

  test("says what failed", () => {
    const failures = { "HTTP 503": 12, ECONNRESET: 1 };
    expect(progressText({ ...OPENING, lost: 2, etaSeconds: 130, failures })).toMatch(
      /, 2 min 10 s left, 2 lost; failures: HTTP 503: 12, ECONNRESET: 1$/,
    );
  });
});

describe("where it goes", () => {
  test("without a terminal a line every five seconds, and one for each phase", () => {
    const terminal = new TestTerminal();
    let now = 0;
    const line = new ProgressLine(terminal, () => now);
    for (now = 0; now < 11_000; now += 500) line.show(OPENING);
    expect(terminal.errors).toHaveLength(3);
    line.show({ ...OPENING, phase: "holding" });
    line.end();
    expect(terminal.errors).toHaveLength(4);
  });

  test("on a terminal one line is written over, and cleared", () => {
    const shown: string[] = [];
    const terminal = Object.assign(new TestTerminal(), { status: (text: string) => void shown.push(text) });
    const line = new ProgressLine(terminal);
    line.show(OPENING);
    line.show(OPENING);
    line.end();
    expect(shown).toEqual([progressText(OPENING), progressText(OPENING), ""]);
    expect(terminal.errors).toEqual([]);
  });
});
