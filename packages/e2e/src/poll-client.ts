/**
 * A client of long-poll that does what docs/protocol.md says, and nothing clever: the cursor of the last
 * answer, and the same poll again when an answer is lost.
 */
import type { Json } from "@holdfast/protocol";

export interface PollAnswer {
  readonly sid: string;
  readonly cursor?: string;
  readonly frames: readonly { readonly [op: string]: Json }[];
  readonly wait: number;
  readonly close?: { readonly code: number; readonly reason: string };
}

export class PollClient {
  readonly frames: { readonly [op: string]: Json }[] = [];
  readonly answers: PollAnswer[] = [];
  /** Statuses other than 200. */
  readonly refusals: number[] = [];
  /** Polls without an answer. */
  lost = 0;
  readonly #url: () => string;
  readonly #abort = new AbortController();
  readonly #first: Readonly<Record<string, unknown>>;

  /** `first`: the body of the first poll. `url` may differ from poll to poll. */
  constructor(url: () => string, first: Readonly<Record<string, unknown>>) {
    this.#url = url;
    this.#first = first;
    void this.#run();
  }

  get last(): PollAnswer | undefined {
    return this.answers.at(-1);
  }

  /** The data of a channel's publications, in the order in which they came. */
  data(channel: string): readonly Json[] {
    return this.frames.flatMap(({ publication }) => {
      const { channel: of, data } = (publication ?? {}) as { channel?: string; data?: Json };
      return of === channel && data !== undefined ? [data] : [];
    });
  }

  close(): void {
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted && this.last?.close === undefined) {
      const body = this.last === undefined ? this.#first : { sid: this.last.sid, cursor: this.last.cursor };
      const query = this.last === undefined ? "" : `?sid=${this.last.sid}`;
      try {
        const url = `${this.#url()}/poll${query}`;
        const headers = { Connection: "close" };
        const response = await fetch(url, { method: "POST", body: JSON.stringify(body), signal, headers });
        const text = await response.text();
        if (response.status === 200) {
          const answer = JSON.parse(text) as PollAnswer;
          this.answers.push(answer);
          this.frames.push(...answer.frames);
        } else {
          this.refusals.push(response.status);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      } catch {
        this.lost++;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }
}
