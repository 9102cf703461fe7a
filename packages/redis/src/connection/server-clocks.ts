/**
 * Server clocks: what the clock of each Redis shows, so that a script can be told until when it is wanted.
 *
 * A Redis that stood still carries out what had reached it when it goes on, although all of it was answered
 * as failed. Its scripts compare their deadline with its own TIME instead. Each server is asked now and then.
 * Invariants: a deadline is never later than the one on our clock, as long as neither clock is set meanwhile;
 * a server whose clock is not known gets none.
 */
import type { Clock } from "@holdfast/core";
import type { Redis } from "ioredis";

/** Answers that took longer say too little, ms. */
const MAX_ROUND_TRIP_MS = 1000;

/** As lua/run.lua reads it. */
const NONE = "0";

export class ServerClocks {
  readonly #clock: Clock;
  /** By host and port: what its clock shows, less our monotonic clock, ms. */
  readonly #offsets = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Never rejects: what is known stays, and a server that does not allow TIME has no known clock. */
  async ask(server: Redis): Promise<void> {
    const askedAt = this.#clock.monotonic();
    const answer: unknown = await server.time().catch(() => undefined);
    const now = this.#clock.monotonic();
    if (!Array.isArray(answer) || now - askedAt > MAX_ROUND_TRIP_MS) return;
    const [seconds, microseconds] = answer.map(Number);
    const shown = (seconds ?? Number.NaN) * 1000 + (microseconds ?? Number.NaN) / 1000;
    // It showed that before the answer was here: so this is rather too little.
    if (Number.isFinite(shown)) this.#offsets.set(nameOf(server), shown - now);
  }

  /** A moment of our monotonic clock as the server has it, ms since 1970, or that there is none. */
  deadline(server: Redis | undefined, until: number): string {
    const offset = server === undefined ? undefined : this.#offsets.get(nameOf(server));
    return offset === undefined ? NONE : String(Math.floor(until + offset));
  }
}

function nameOf({ options: { host, port } }: Redis): string {
  return `${host}:${port}`;
}
