/**
 * `holdfast top` while it runs: asks the gateway, passes keys and answers to the state, draws it.
 *
 * Owns when what is asked: the overview each interval, the survey each fifth, an opened thing each second
 * interval. Leaves the state and the drawing. Invariants: one question of a kind at a time; nothing is asked
 * while paused; the screen is given back however it ends.
 */
import type { AdminClient } from "../admin-client.js";
import { Failure } from "../failure.js";
import type { TerminalScreen } from "../screen.js";
import { drawTop } from "./drawing.js";
import { keysOf } from "./keys.js";
import { after } from "./top-events.js";
import { FIRST, type TopDetails, type TopEvent, type TopState, type TopSubject } from "./top-state.js";
import type { Wait } from "./watched-gateway.js";

export interface LiveTopOptions {
  readonly client: Pick<AdminClient, "overview" | "survey" | "connection" | "channels" | "incidents">;
  readonly screen: TerminalScreen;
  readonly intervalMs: number;
  readonly colour: boolean;
  readonly wait: Wait;
  /** Aborted at the end, whatever it came from; ends the requests, too. */
  readonly ended: AbortController;
}

const SURVEY_EVERY = 5;
const DETAILS_EVERY = 2;
const INCIDENTS = "20";

/** What the overview does not tell enough of. */
type AskedSubject = Extract<TopSubject, { readonly kind: "channel" | "connection" }>;

function isAsked(subject: TopSubject): subject is AskedSubject {
  return subject.kind === "channel" || subject.kind === "connection";
}

export class LiveTop {
  readonly #options: LiveTopOptions;
  #state: TopState = FIRST;
  #isLooking = false;

  constructor(options: LiveTopOptions) {
    this.#options = options;
  }

  /** Resolves when it is quit, interrupted, or the terminal is gone. */
  async run(): Promise<void> {
    const { screen, ended, wait, intervalMs } = this.#options;
    screen.open({
      input: (text) => this.#typed(text),
      resized: () => this.#draw(),
      gone: () => ended.abort(),
    });
    try {
      this.#draw();
      for (let round = 0; !ended.signal.aborted; ) {
        if (!this.#state.isPaused) await this.#ask(round++);
        await wait(intervalMs, ended.signal).catch(() => {});
      }
    } finally {
      screen.close();
    }
  }

  async #ask(round: number): Promise<void> {
    const { client } = this.#options;
    await this.#told(async () => ({ type: "overview", overview: await client.overview() }));
    if (round % SURVEY_EVERY === 0)
      await this.#told(async () => ({ type: "survey", survey: await client.survey() }));
    if (round % DETAILS_EVERY === 0) this.#look();
  }

  /** Asks for what is opened, unless that is being asked. */
  #look(): void {
    const { view } = this.#state;
    if (view.kind !== "opened" || !isAsked(view.subject) || this.#isLooking) return;
    const { subject } = view;
    this.#isLooking = true;
    void this.#told(async () => ({ type: "details", subject, details: await this.#detailsOf(subject) })).then(
      () => {
        this.#isLooking = false;
        // Another was opened meanwhile.
        const now = this.#state.view;
        if (now.kind === "opened" && now.details === undefined && now.subject !== subject) this.#look();
      },
    );
  }

  async #detailsOf(subject: AskedSubject): Promise<TopDetails> {
    const { client } = this.#options;
    if (subject.kind === "connection")
      return { kind: "connection", answer: await client.connection({ session: subject.session }) };
    const { channel } = subject;
    const [page, incidents] = await Promise.all([
      client.channels({ prefix: channel, limit: "1" }),
      client.incidents({ channel, limit: INCIDENTS }),
    ]);
    const [first] = page.channels;
    return { kind: "channel", subscribers: first?.channel === channel ? first.subscribers : 0, incidents };
  }

  /** A question that is not answered is shown, and asked again with the next interval. */
  async #told(question: () => Promise<TopEvent>): Promise<void> {
    try {
      this.#happened(await question());
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#happened({ type: "problem", message: error.message });
    }
  }

  #typed(text: string): void {
    for (const key of keysOf(text)) this.#happened({ type: "key", key }, false);
    this.#draw();
    if (this.#state.view.kind === "opened" && this.#state.view.details === undefined) this.#look();
  }

  #happened(event: TopEvent, draws = true): void {
    this.#state = after(this.#state, event);
    if (this.#state.view.kind === "ended") this.#options.ended.abort();
    else if (draws) this.#draw();
  }

  #draw(): void {
    const { screen, colour, ended } = this.#options;
    if (ended.signal.aborted) return;
    const { columns, rows } = screen;
    screen.draw(drawTop(this.#state, { columns, rows, colour }));
  }
}
