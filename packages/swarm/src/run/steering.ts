/**
 * What operators order of a run that is under way.
 *
 * Invariant: an order is taken only between the first connection and the end of the last step, and answered
 * in one sentence; what cannot be done changes nothing.
 */
import type { Crew } from "../fleet/crew.js";
import { SwarmProblem } from "../problem.js";
import { parseTarget } from "../target.js";
import type { RunTransport } from "../transport.js";

/** What an operator asks of a run. */
export type RunOrder =
  | { readonly order: "status" }
  /** So many connections from now on, all together. */
  | { readonly order: "set-n"; readonly connections: number }
  /** Another gateway: all are closed, and opened there. */
  | { readonly order: "set-target"; readonly target: string }
  /** The run ends as at the end of its time. */
  | { readonly order: "stop" };

export const MAX_CONNECTIONS = 10_000_000;

export class Steering {
  readonly #stop = new AbortController();
  readonly #transport: RunTransport;
  #crew: Crew | undefined;

  constructor(transport: RunTransport) {
    this.#transport = transport;
  }

  /** Aborts when an operator stops the run. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  /** Orders are taken from now on; undefined: no longer. */
  steer(crew: Crew | undefined): void {
    this.#crew = crew;
  }

  /** Rejects with a `SwarmProblem` that says why not. */
  async take(order: RunOrder): Promise<string> {
    const crew = this.#crew;
    if (crew === undefined) {
      throw new SwarmProblem("failed", "the run is beginning or ending, and takes no orders now");
    }
    switch (order.order) {
      case "status":
        return "the run is under way";
      case "set-n": {
        const { connections } = order;
        if (!(connections >= 1 && connections <= MAX_CONNECTIONS)) {
          throw new SwarmProblem("wrong", `n must be a whole number from 1 to ${MAX_CONNECTIONS}`);
        }
        const before = crew.opener.wanted;
        await crew.resize(connections);
        return `from ${before} to ${crew.opener.wanted} connections`;
      }
      case "set-target": {
        await crew.retarget(parseTarget(order.target, this.#transport));
        return `${crew.opener.wanted} connections go to ${order.target}`;
      }
      case "stop":
        this.#stop.abort();
        return "the run ends, and its controller writes the report";
    }
  }
}
