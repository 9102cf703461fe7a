import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "@jest/globals";
import { widthOf } from "../output/plain-text.js";
import { overviewOf, rebalanceOf, shareOf, surveyOf, workerOf } from "../testing/overview.js";
import { drawTop } from "./drawing.js";
import { keysOf } from "./keys.js";
import { paneContent } from "./panes.js";
import { after } from "./top-events.js";
import { FIRST, type TopEvent, type TopState } from "./top-state.js";

const T = 1_000_000;
const busy = (channel: string, rate: number) => ({ channel, rate, subscribers: 3 });
const slow = (id: string, fill: number, user: string) => ({
  id,
  user,
  fill,
  bytes: fill * 1000,
  messages: 1,
  ageMs: 10,
  skipped: 0,
  behind: ["news"],
});
const SURVEY = surveyOf({
  outboxBytes: 4096,
  waiting: 2,
  busiest: [busy("news", 50), busy("日本語", 70), busy("evil\x1b[2J", 1)],
  slowest: [slow("s-1", 0.2, "ada"), slow("s-2", 0.9, "bob")],
  workers: [{ slot: 0, outboxBytes: 4096, waiting: 2 }],
});
const EVENTS: readonly TopEvent[] = [
  { type: "overview", overview: overviewOf({ at: T }) },
  {
    type: "overview",
    overview: overviewOf({
      at: T + 1000,
      workers: [workerOf(0, { counters: { commands: 40 } }), workerOf(1)],
    }),
  },
  { type: "survey", survey: SURVEY },
];

const happened = (events: readonly TopEvent[], from: TopState = FIRST) => events.reduce(after, from);
const seen = happened(EVENTS);
const press = (state: TopState, ...keys: string[]) =>
  happened(
    keys.map((key) => ({ type: "key", key })),
    state,
  );
const ids = (state: TopState) => paneContent(state, state.pane).rows.map(({ id }) => id);
const SIZE = { columns: 120, rows: 40, colour: false };

describe("keys of a terminal", () => {
  it("are names and characters, and an unknown sequence is none", () => {
    expect(keysOf("q\x1b[A\x1bOB\t\r\x03\x7f")).toEqual([
      "q",
      "up",
      "down",
      "tab",
      "enter",
      "interrupt",
      "backspace",
    ]);
    expect(keysOf("\x1b[1;5Hé日\x1b")).toEqual(["é", "日", "escape"]);
    expect(keysOf("\x01\x1b[<0;3;4M")).toEqual([]);
  });
});

describe("the state of top", () => {
  it("makes rates of the last two overviews, and keeps them for the same one twice", () => {
    expect(seen.rates?.total.commands).toBe(40);
    const again = after(seen, EVENTS[1] as TopEvent);
    expect(again.rates?.total.commands).toBe(40);
  });

  it("keeps its figures while paused, and takes the next ones afterwards", () => {
    const later: TopEvent = { type: "overview", overview: overviewOf({ at: T + 9000 }) };
    const paused = press(seen, " ");
    expect(after(paused, later)).toBe(paused);
    expect(after(press(paused, " "), later).overview?.at).toBe(T + 9000);
  });

  it("goes around the panes, and sorts each by its own column", () => {
    const channels = press(seen, "tab");
    expect(channels.pane).toBe("channels");
    expect(ids(channels)).toEqual(["日本語", "news", "evil\x1b[2J"]);
    expect(ids(press(channels, "s", "s"))).toEqual(["evil\x1b[2J", "news", "日本語"]);
    expect(press(seen, "back-tab").pane).toBe("connections");
    expect(ids(press(seen, "tab", "tab"))).toEqual(["s-2", "s-1"]);
    expect(press(seen, "tab", "tab", "tab").pane).toBe("workers");
  });

  it("keeps the selected row when the order changes", () => {
    const selected = press(seen, "tab", "down");
    expect(selected.panes.channels.selected).toBe("news");
    const survey = surveyOf({ busiest: [busy("news", 90), busy("日本語", 70)] });
    const state = after(selected, { type: "survey", survey });
    expect(paneContent(state, "channels").selected).toBe(0);
    expect(press(state, "down", "down", "down").panes.channels.selected).toBe("日本語");
  });

  it("filters by what is typed, and forgets it with Escape", () => {
    const typed = press(seen, "tab", "/", "N", "e", "q", "backspace");
    expect(typed.filter).toBe("Ne");
    expect(ids(typed)).toEqual(["news"]);
    expect(press(typed, "enter").view.kind).toBe("panes");
    expect(ids(press(typed, "escape"))).toHaveLength(3);
    expect(ids(press(typed, "enter", "escape"))).toHaveLength(3);
    expect(press(seen, "/", ..."x".repeat(200)).filter).toHaveLength(60);
  });

  it("opens a row, takes its details, and comes back", () => {
    const opened = press(seen, "tab", "tab", "enter");
    const subject = { kind: "connection", session: "s-2" } as const;
    expect(opened.view).toEqual({ kind: "opened", subject, details: undefined, offset: 0 });
    const details = { kind: "connection", answer: { connections: [], incidents: [] } } as const;
    const other = { kind: "connection", session: "s-1" } as const;
    expect(after(opened, { type: "details", subject: other, details })).toBe(opened);
    expect(after(opened, { type: "details", subject, details }).view).toMatchObject({ details });
    expect(press(opened, "escape").view.kind).toBe("panes");
    expect(press(FIRST, "tab", "enter").view.kind).toBe("panes");
  });

  it("ends with q in the panes and with Ctrl-C everywhere", () => {
    expect(press(seen, "q").view.kind).toBe("ended");
    expect(press(seen, "enter", "q").view.kind).toBe("panes");
    for (const keys of [[], ["?"], ["/"], ["enter"]])
      expect(press(seen, ...keys, "interrupt").view.kind).toBe("ended");
    expect(press(seen, "/", "q").view.kind).toBe("filter");
  });
});

describe("the drawing of top", () => {
  it("shows totals, workers, the busiest channels and the slowest connections", () => {
    const text = drawTop(seen, SIZE).join("\n");
    expect(text).toContain("in           40 commands/s");
    expect(text).toContain("outboxes     4.0 KiB wait for 2 connections");
    expect(text).toMatch(/^\[Workers\]$/m);
    expect(text).toMatch(/^> +0 +ready +10 +40 /m);
    expect(text).toMatch(/^ {2}日本語 +70 +3$/m);
    expect(text).toMatch(/^ {2}s-2 +bob +90 % /m);
    expect(text).toContain("evil\\u{1b}[2J");
    expect(text).not.toContain("\x1b");
  });

  it("shows what each instance of a cluster carries, should carry, and whether it sheds", () => {
    const instances = [
      shareOf("a/1", 10_000, { over: 2_425, sheds: true, isAsked: true }),
      shareOf("b/2", 0),
    ];
    const rebalance = rebalanceOf(instances, { phase: "shedding" });
    const state = after(seen, { type: "overview", overview: overviewOf({ at: T + 2000, rebalance }) });
    const text = drawTop(state, { ...SIZE, rows: 50 }).join("\n");
    expect(text).toContain(
      "cluster      20,000 clients at 2 instances, spread 150 % of the mean; rebalance shed",
    );
    expect(text).toMatch(/^ Instances$/m);
    expect(text).toMatch(/^ {2}a\/1 \* +serving +10,000 +7,500 +2,425 +yes +1 +20,000$/m);
    expect(text).toMatch(/^ {2}b\/2 +serving +0 +7,500 +0 +no +1 +20,000$/m);
    const opened = press(state, "back-tab", "enter");
    expect(opened.view).toMatchObject({ subject: { kind: "instance", instance: "a/1" } });
    expect(drawTop(opened, SIZE).join("\n")).toMatch(/^share +7,500, by its weight of 1$/m);
    const gone = after(opened, { type: "overview", overview: overviewOf({ at: T + 3000 }) });
    expect(drawTop(gone, SIZE).join("\n")).toContain("has not said that it is there any more");
    expect(ids(press(seen, "back-tab"))).not.toContain("a/1");
  });

  it.each([
    [120, 40],
    [80, 24],
    [40, 12],
    [20, 5],
    [3, 2],
    [1, 1],
  ])("fits into %d columns and %d rows in every view", (columns, rows) => {
    for (const keys of [[], ["tab"], ["tab", "tab"], ["enter"], ["tab", "enter"], ["?"], ["/", "n"]]) {
      const lines = drawTop(press(seen, ...keys), { columns, rows, colour: false });
      expect(lines.length).toBe(rows);
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
    }
  });

  it("has the same words in colours", () => {
    const lines = drawTop(seen, { ...SIZE, colour: true });
    expect(lines.join("\n")).toContain("\x1b[7m");
    expect(lines.map(stripVTControlCharacters)).toEqual(drawTop(seen, SIZE));
  });

  it("says why the gateway does not answer, and that it is paused", () => {
    const state = after(press(seen, " "), { type: "problem", message: "no gateway at x" });
    const text = drawTop(state, SIZE).join("\n");
    expect(text).toContain("PAUSED");
    expect(text).toContain("no gateway at x");
    expect(drawTop(FIRST, SIZE)[0]).toBe("asking the gateway …");
  });

  it("keeps the selected row in sight", () => {
    const busiest = Array.from({ length: 20 }, (_, n) => busy(`c${String(n).padStart(2, "0")}`, 100 - n));
    const state = press(
      after(seen, { type: "survey", survey: surveyOf({ busiest }) }),
      "tab",
      "page-down",
      "page-down",
    );
    expect(drawTop(state, { columns: 80, rows: 16, colour: false }).join("\n")).toMatch(/^> c19/m);
  });
});
