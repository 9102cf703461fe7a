/**
 * How busy a worker is: its last report, and the sockets that were sent to it since.
 *
 * Invariant: `sockets` counts what the worker holds plus what is on its way to it, so that a burst of
 * hand-offs shows before the worker's next report.
 */
import type { Load } from "../../link/messages.js";

const NO_LOAD: Load = { sockets: 0, received: 0, connections: 0, loopDelayMs: 0, broker: "connecting" };

export class WorkerLoad {
  #last: Load = NO_LOAD;
  /** Clients that its drain has yet to see off. */
  #left: number | undefined;
  /** Sockets, since its start; `received` in a report counts those of them that it had by then. */
  #sent = 0;

  /** Its last report. */
  get last(): Load {
    return this.#last;
  }

  /** Clients it holds: while it drains those whose transport has not ended. */
  get clients(): number {
    return this.#left ?? this.#last.connections;
  }

  /** Sockets it holds, those on their way included. */
  get sockets(): number {
    return this.#last.sockets + this.#sent - this.#last.received;
  }

  reported(load: Load): void {
    this.#last = load;
  }

  /** Its drain has these clients left. */
  drains(left: number): void {
    this.#left = left;
  }

  /** A socket is on its way to the worker. */
  sent(): void {
    this.#sent++;
  }

  /** Sockets that were on their way have come back. */
  returned(count: number): void {
    this.#sent -= count;
  }
}
