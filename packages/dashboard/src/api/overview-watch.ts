/**
 * The overview watch: asks for the overview each second while the page is visible, of more than ten workers
 * more rarely, and keeps the last hour.
 *
 * Invariants: one request at a time; none while the page is hidden, or before the operator has signed in.
 */
import type { LatenciesAnswer, OverviewAnswer } from "../data/answers.js";
import { LastHour, pointOf } from "../data/last-hour.js";
import { LastLatencies } from "../data/last-latencies.js";
import { type Leak, leakOf } from "../data/leak.js";
import { type Rates, ratesOf } from "../data/rates.js";
import { type AdminClient, AdminFailure } from "./admin-client.js";

export interface Sample {
  readonly overview: OverviewAnswer;
  /** The overview before it, of which the rates are made. */
  readonly before: OverviewAnswer | undefined;
  readonly rates: Rates;
  /** Channels that leak, where they seem to. */
  readonly leak?: Leak | undefined;
}

export type Watched =
  | { readonly kind: "waiting" }
  | { readonly kind: "signed-out" }
  /** The gateway does not answer as it should; `sample` is the last that there was. */
  | { readonly kind: "away"; readonly message: string; readonly sample: Sample | undefined }
  | { readonly kind: "live"; readonly sample: Sample };

/** What the watch needs of the browser. */
export interface WatchedPage {
  isVisible(): boolean;
  /** Calls once, after `ms`. */
  later(run: () => void, ms: number): void;
}

const INTERVAL_MS = 1000;
/** The gateway makes an overview no more often than that for each of its workers. */
const INTERVAL_PER_WORKER_MS = 100;
/** Enough for what a leak looks at. */
const LEAK_POINTS = 130;

export class OverviewWatch {
  readonly hour = new LastHour();
  readonly #kept = new LastLatencies();
  readonly #client: Pick<AdminClient, "get">;
  readonly #page: WatchedPage;
  readonly #tell: (watched: Watched) => void;
  #sample: Sample | undefined;
  #state: "idle" | "asking" | "scheduled" | "signed-out" = "idle";

  constructor(client: Pick<AdminClient, "get">, page: WatchedPage, tell: (watched: Watched) => void) {
    this.#client = client;
    this.#page = page;
    this.#tell = tell;
  }

  /** The counts of latencies of five minutes ago, or of the first overview. */
  get latenciesBefore(): LatenciesAnswer | undefined {
    return this.#kept.oldest;
  }

  /** To be called at the start, when the page was shown again, and after a sign-in. */
  wake(signedIn = false): void {
    const waits = this.#state === "idle" || (signedIn && this.#state === "signed-out");
    if (waits) void this.#ask();
  }

  async #ask(): Promise<void> {
    if (!this.#page.isVisible()) {
      this.#state = "idle";
      return;
    }
    this.#state = "asking";
    try {
      this.#add(await this.#client.get<OverviewAnswer>("/api/overview"));
    } catch (error) {
      if (error instanceof AdminFailure && error.status === 401) {
        this.#state = "signed-out";
        return this.#tell({ kind: "signed-out" });
      }
      const message = error instanceof Error ? error.message : String(error);
      this.#tell({ kind: "away", message, sample: this.#sample });
    }
    this.#state = "scheduled";
    const workers = this.#sample?.overview.workers.length ?? 0;
    this.#page.later(() => void this.#ask(), Math.max(INTERVAL_MS, INTERVAL_PER_WORKER_MS * workers));
  }

  #add(overview: OverviewAnswer): void {
    const before = this.#sample?.overview;
    if (before === undefined || overview.at > before.at) {
      const rates = ratesOf(before, overview);
      this.hour.add(pointOf(overview, rates));
      this.#sample = { overview, before, rates, leak: leakOf(this.hour.newest(LEAK_POINTS)) };
      this.#kept.add(overview);
    }
    if (this.#sample !== undefined) this.#tell({ kind: "live", sample: this.#sample });
  }
}
