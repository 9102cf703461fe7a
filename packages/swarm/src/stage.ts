/**
 * Where a run stands, told every half second until `leave`.
 */
import type { Fleet, FleetTotals } from "./fleet.js";

export type Phase = "opening" | "holding" | "broadcasting" | "ending";

export interface Progress extends FleetTotals {
  readonly phase: Phase;
  readonly connections: number;
  readonly agents: number;
  /** Connected in the last seconds. */
  readonly perSecond: number;
  /** Until the end of the phase, if that can be said. */
  readonly etaSeconds: number | undefined;
}

const PROGRESS_MS = 500;
/** Reports over which the rate is taken. */
const RATE_SPAN = 10;

export class Stage {
  readonly #fleet: Fleet;
  readonly #connections: number;
  readonly #agents: number;
  readonly #tell: (progress: Progress) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #course: (readonly [ms: number, connected: number])[] = [];
  #phase: Phase = "opening";
  #untilMs: number | undefined;

  constructor(fleet: Fleet, connections: number, agents: number, tell: (progress: Progress) => void) {
    this.#fleet = fleet;
    this.#connections = connections;
    this.#agents = agents;
    this.#tell = tell;
    this.#timer = setInterval(() => this.#report(), PROGRESS_MS);
  }

  enter(phase: Phase, forMs?: number): void {
    this.#phase = phase;
    this.#untilMs = forMs === undefined ? undefined : performance.now() + forMs;
    this.#report();
  }

  leave(): void {
    clearInterval(this.#timer);
  }

  #report(): void {
    const totals = this.#fleet.totals();
    const now = performance.now();
    this.#course.push([now, totals.connected]);
    if (this.#course.length > RATE_SPAN) this.#course.shift();
    const [oldest = [now, totals.connected] as const] = this.#course;
    const perSecond = ((totals.connected - oldest[1]) * 1000) / Math.max(1, now - oldest[0]);
    const left = this.#connections - totals.connected - totals.givenUp - totals.lost;
    const opening = perSecond > 0 ? left / perSecond : undefined;
    this.#tell({
      ...totals,
      phase: this.#phase,
      connections: this.#connections,
      agents: this.#agents,
      perSecond: Math.max(0, Math.round(perSecond)),
      etaSeconds:
        this.#phase === "opening"
          ? opening
          : this.#untilMs === undefined
            ? undefined
            : Math.max(0, (this.#untilMs - now) / 1000),
    });
  }
}
