/**
 * The figures of one step: what the fleet counted from its beginning to its end.
 *
 * Invariant: quantiles are those of the merged histograms of all agents, of this step alone.
 */
import type { Fleet } from "../fleet/fleet.js";
import type { FleetTotals } from "../fleet/fleet-totals.js";
import type { Histogram } from "../histogram.js";
import type { Round } from "../report/report.js";
import type { StepFigures } from "../step.js";

export class StepMeter {
  readonly #fleet: Fleet;
  readonly #now: () => number;
  readonly #before: FleetTotals;
  readonly #begunMs: number;

  /** Begins a step. `now`: monotonic ms. */
  constructor(fleet: Fleet, now: () => number = () => performance.now()) {
    this.#fleet = fleet;
    this.#now = now;
    this.#before = fleet.totals();
    this.#begunMs = now();
    for (const times of [fleet.handshakes, fleet.hearing, fleet.answering]) times.beginStep();
  }

  get seconds(): number {
    return (this.#now() - this.#begunMs) / 1000;
  }

  /** `rounds`: the broadcasts of the step. */
  figures(rounds: readonly Round[]): StepFigures {
    const { handshakes, hearing, answering } = this.#fleet;
    const [before, after] = [this.#before, this.#fleet.totals()];
    const since = (name: "givenUp" | "lost" | "again" | "sent" | "refused" | "heard"): number =>
      Math.max(0, after[name] - before[name]);
    return {
      seconds: Math.round(this.seconds * 100) / 100,
      connected: after.connected,
      givenUp: since("givenUp"),
      lost: since("lost"),
      again: since("again"),
      handshakes: Math.round(handshakes.step.total / Math.max(0.001, this.seconds)),
      handshakeP50Ms: quantileMs(handshakes.step, 0.5),
      handshakeP99Ms: quantileMs(handshakes.step, 0.99),
      sent: since("sent"),
      refused: since("refused"),
      heard: since("heard"),
      messageP50Ms: quantileMs(hearing.step, 0.5),
      messageP99Ms: quantileMs(hearing.step, 0.99),
      answerP99Ms: quantileMs(answering.step, 0.99),
      broadcastMissing: rounds.reduce((sum, { missing }) => sum + missing, 0),
      broadcastRepeated: rounds.reduce((sum, { repeated }) => sum + repeated, 0),
      broadcastP99Ms: rounds.length === 0 ? null : Math.max(...rounds.map(({ p99Ms }) => p99Ms)),
    };
  }
}

function quantileMs(histogram: Histogram, share: number): number | null {
  return histogram.total === 0 ? null : histogram.quantile(share) / 1000;
}
