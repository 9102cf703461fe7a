/**
 * What a client sees of a channel whose publications are numbers that count up from 0, while its network is
 * cut: which came, which came again, how long it was away. For the clients of all peers alike.
 */
import { quantile } from "../statistics.js";

const SAMPLE_MS = 20;

/** One client's. Latencies are of this process's own clock, ms. */
export class OutageSight {
  received = 0;
  repeated = 0;
  gaps = 0;
  lastAt = 0;
  /** How long it was away each time. */
  readonly absences: number[] = [];
  /** Since when it has lost its connection; undefined while it has one, and before the first. */
  awaySince: number | undefined;
  #last = -1;
  #wasConnected = false;

  publication(number: number): void {
    if (number <= this.#last) this.repeated++;
    else this.received++;
    this.#last = Math.max(this.#last, number);
    this.lastAt = performance.now();
  }

  connected(): void {
    if (this.awaySince !== undefined) this.absences.push(performance.now() - this.awaySince);
    this.awaySince = undefined;
    this.#wasConnected = true;
  }

  lost(): void {
    if (this.#wasConnected) this.awaySince ??= performance.now();
  }
}

/** All clients' of this process. */
export class OutageSights {
  readonly #all: OutageSight[] = [];
  #onlineAt = 0;
  #connectedAtLeast = Number.POSITIVE_INFINITY;

  constructor() {
    setInterval(() => {
      let connected = 0;
      for (const { awaySince } of this.#all) if (awaySince === undefined) connected++;
      this.#connectedAtLeast = Math.min(this.#connectedAtLeast, connected);
    }, SAMPLE_MS);
  }

  add(sight: OutageSight): void {
    this.#all.push(sight);
  }

  /** All are connected. */
  begin(): object {
    this.#connectedAtLeast = this.#all.length;
    return { connected: this.#all.length };
  }

  online(): void {
    this.#onlineAt = performance.now();
  }

  /** As `SdkReport` (sdk-fleet.ts) has it. */
  report(): object {
    const all = this.#all;
    const catchUps = all.map(({ lastAt }) => lastAt - this.#onlineAt).sort((a, b) => a - b);
    const absences = all.flatMap((sight) => sight.absences.splice(0)).sort((a, b) => a - b);
    const sum = (of: (sight: OutageSight) => number): number =>
      all.reduce((total, each) => total + of(each), 0);
    const cpu = process.cpuUsage();
    const figures = {
      clients: all.length,
      received: sum(({ received }) => received),
      repeated: sum(({ repeated }) => repeated),
      gaps: sum(({ gaps }) => gaps),
      away: all.filter(({ awaySince }) => awaySince !== undefined).length,
      sawOutage: absences.length,
      catchUpP50: quantile(catchUps, 0.5),
      catchUpP99: quantile(catchUps, 0.99),
      absenceP50: quantile(absences, 0.5),
      absenceP95: quantile(absences, 0.95),
      connectedAtLeast: this.#connectedAtLeast,
      cpuMs: (cpu.user + cpu.system) / 1000,
    };
    this.#connectedAtLeast = all.length;
    return figures;
  }
}
