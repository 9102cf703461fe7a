import { beforeEach, describe, expect, it } from "@jest/globals";
import { Failure } from "../failure.js";
import type { ScreenListener, TerminalScreen } from "../screen.js";
import { overviewOf, surveyOf } from "../testing/overview.js";
import { LiveTop } from "./live-top.js";

class TestScreen implements TerminalScreen {
  readonly columns = 100;
  readonly rows = 30;
  listener: ScreenListener | undefined;
  isOpen = false;
  shown = "";
  open(listener: ScreenListener): void {
    this.listener = listener;
    this.isOpen = true;
  }
  draw(lines: readonly string[]): void {
    this.shown = lines.join("\n");
  }
  close(): void {
    this.isOpen = false;
  }
}

const SLOW = { id: "s-1", user: "ada", fill: 0.5, bytes: 9, messages: 1, ageMs: 1, skipped: 0, behind: [] };

describe("top while it runs", () => {
  let screen: TestScreen;
  let asked: string[];
  let ended: AbortController;
  /** What happens in each pause between two looks. */
  let between: ((round: number) => void | Promise<void>)[];
  let overview: () => Promise<ReturnType<typeof overviewOf>>;
  beforeEach(() => {
    [screen, asked, ended, between] = [new TestScreen(), [], new AbortController(), []];
    overview = async () => overviewOf();
  });

  async function run(): Promise<void> {
    let round = 0;
    const note = <Answer>(name: string, answer: Answer): Answer => {
      asked.push(name);
      return answer;
    };
    const top = new LiveTop({
      client: {
        overview: () => note("overview", overview()),
        survey: async () => note("survey", surveyOf({ slowest: [SLOW] })),
        connection: async ({ session }) => note(`connection ${session}`, { connections: [], incidents: [] }),
        channels: async () => note("channels", { channels: [] }),
        incidents: async () => note("incidents", []),
      },
      screen,
      intervalMs: 1000,
      colour: false,
      ended,
      wait: async () => {
        const step = between[round++];
        if (step === undefined) screen.listener?.input("q");
        else await step(round);
      },
    });
    await top.run();
  }

  it("asks for the overview each interval and for the survey each fifth", async () => {
    between = Array.from({ length: 5 }, () => () => {});
    await run();
    expect(asked.filter((each) => each === "overview")).toHaveLength(6);
    expect(asked.filter((each) => each === "survey")).toHaveLength(2);
    expect(screen.isOpen).toBe(false);
  });

  it("asks nothing while paused", async () => {
    between = [() => screen.listener?.input(" "), () => {}, () => {}];
    await run();
    expect(asked).toEqual(["overview", "survey"]);
  });

  it("opens a connection with Enter", async () => {
    between = [
      async () => {
        screen.listener?.input("\t\t\r");
        await new Promise(setImmediate);
        expect(screen.shown).toContain("It is not connected to this instance any more.");
        screen.listener?.input("q");
      },
    ];
    await run();
    expect(asked).toContain("connection s-1");
  });

  it("goes on when the gateway does not answer, and says why", async () => {
    overview = async () => {
      throw new Failure("no gateway at x");
    };
    between = [() => expect(screen.shown).toContain("no gateway at x")];
    await run();
    expect(asked.filter((each) => each === "overview")).toHaveLength(2);
  });

  it("gives the screen back when it is interrupted, the terminal is gone, or a bug ends it", async () => {
    between = [() => ended.abort()];
    await run();
    expect(screen.isOpen).toBe(false);
    ended = new AbortController();
    between = [() => screen.listener?.gone()];
    await run();
    expect(screen.isOpen).toBe(false);
    ended = new AbortController();
    overview = async () => {
      throw new TypeError("a bug");
    };
    await expect(run()).rejects.toThrow("a bug");
    expect(screen.isOpen).toBe(false);
  });
});
