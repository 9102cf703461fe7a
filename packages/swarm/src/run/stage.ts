/**
 * Where a run stands, told every half second until `leave`.
 */
import type { Fleet } from "../fleet/fleet.js";
import type { Opener } from "../fleet/opener.js";
import type { Phase, Progress } from "../progress.js";

const PROGRESS_MS = 500;
/** Reports over which the rate is taken. */
const RATE_SPAN = 10;

export class Stage {
  readonly #fleet: Fleet;
  readonly #opener: Opener;
  readonly #tell: (progress: Progress) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #course: (readonly [ms: number, connected: number])[] = [];
  #phase: Phase = "opening";
  #connections = 0;
  #untilMs: number | undefined;

  constructor(fleet: Fleet, opener: Opener, tell: (progress: Progress) => void) {
    this.#fleet = fleet;
    this.#opener = opener;
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
    // At the end agents want nothing any more.
    if (this.#phase !== "ending") this.#connections = this.#opener.wanted;
    const connections = this.#connections;
    const left = connections - totals.connected - totals.over;
    const opening = perSecond > 0 ? left / perSecond : undefined;
    this.#tell({
      ...totals,
      phase: this.#phase,
      connections,
      agents: this.#fleet.working.length,
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
