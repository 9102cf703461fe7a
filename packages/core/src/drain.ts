/**
 * Drain: sends every client away, spread over a window, so that they do not come back as one wave.
 *
 *     notice ──(grace)──► disconnect
 *
 * Each client is first told when to return, then disconnected with the code `drain`. Progress follows the wheel, so a
 * busy loop stretches the window but never bunches the goodbyes. Invariant: each connection that was open at the start
 * gets one notice and one disconnect, in the same order.
 */
import { disconnects } from "@holdfast/protocol";
import type { Connection } from "./connection.js";
import type { Registry } from "./registry.js";
import { TICK_MS, ticks, type Wheel } from "./wheel.js";

export interface DrainOptions {
  /** Over how long the notices are spread at most, ms; 0 = all at once. A few go faster: one a tick is no wave. */
  readonly windowMs: number;
  /** Shown to clients: why they are sent away. */
  readonly reason: string;
}

/** What a client has to finish after its notice, at most; a shorter window shortens it. */
const MAX_GRACE_MS = 1000;
/** Clients wait a random part of this before they return, on top of their place in the window. */
const RETURN_SPREAD_MS = 1000;

export class Drain {
  readonly #registry: Registry;
  readonly #random: () => number;
  readonly #graceTicks: number;
  readonly #reason: string;
  readonly #leaving: readonly Connection[];
  readonly #perTick: number;
  readonly #onProgress: (left: number) => void;
  /** How many of `leaving` have been told, at each tick of the last grace period. */
  readonly #toldByTick: number[] = [];
  #told = 0;
  #sent = 0;
  readonly #stop: () => void;
  #resolve: () => void = () => {};
  readonly #done: Promise<void>;

  constructor(
    options: DrainOptions,
    registry: Registry,
    wheel: Wheel,
    random: () => number,
    onProgress: (left: number) => void,
  ) {
    this.#registry = registry;
    this.#random = random;
    this.#reason = options.reason;
    this.#onProgress = onProgress;
    this.#graceTicks = ticks(Math.min(MAX_GRACE_MS, options.windowMs));
    this.#leaving = [...registry.connections];
    this.#perTick = Math.ceil(this.#leaving.length / ticks(options.windowMs));
    this.#done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#stop = wheel.add(() => this.#turn());
  }

  /** Resolves when the last transport has ended, or at `end`. */
  get done(): Promise<void> {
    return this.#done;
  }

  /** Sends nobody away any more, and says that it is done. Idempotent. */
  end(): void {
    this.#stop();
    this.#resolve();
  }

  #turn(): void {
    const graceMs = this.#graceTicks * TICK_MS;
    for (
      const end = Math.min(this.#leaving.length, this.#told + this.#perTick);
      this.#told < end;
      this.#told++
    ) {
      const reconnectAfter = Math.floor(this.#random() * RETURN_SPREAD_MS);
      this.#leaving[this.#told]?.drain(reconnectAfter, graceMs, this.#reason);
    }
    this.#toldByTick.push(this.#told);
    if (this.#toldByTick.length > this.#graceTicks) {
      const due = this.#toldByTick.shift() ?? 0;
      for (; this.#sent < due; this.#sent++) this.#leaving[this.#sent]?.disconnect(disconnects.drain);
    }
    this.#onProgress(this.#registry.open);
    // Also before the window is over: clients that were told may all have left by themselves.
    if (this.#registry.open === 0) this.end();
  }
}
