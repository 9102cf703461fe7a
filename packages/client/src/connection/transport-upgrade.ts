/**
 * Climb: beside a connection that serves, tries a better transport from time to time.
 *
 * A WebSocket has proven itself when it has opened and echoed a ping, so that the connection that serves is
 * left only for one that passes. Whether a stream passes only its use can tell: its connect reply comes in
 * time, or the ladder leads back. Invariants: one timer, one question for a token or one link at a time; none
 * after `stop()`, save for a link that was handed over.
 */
import type { Clock } from "../clock.js";
import type { TransportName } from "../transports/transport.js";
import type { ServerConnection } from "./link.js";
import type { TransportChoice } from "./transport-choice.js";

export interface ClimbOptions {
  token(): Promise<string | undefined>;
  /** A link. `failed`: it has ended before it was handed over. */
  dial(name: TransportName, opened: () => void, failed: () => void): ServerConnection;
  /** The link can take over; it is the owner's from now on. */
  ready(link: ServerConnection, token: string | undefined): void;
}

export class TransportUpgrade {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #choice: TransportChoice;
  readonly #options: ClimbOptions;
  /** Ends what is under way; undefined when nothing is. */
  #stop: (() => void) | undefined;

  constructor(clock: Clock, random: () => number, choice: TransportChoice, options: ClimbOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#choice = choice;
    this.#options = options;
  }

  /** Begins, unless there is nothing to climb to. */
  start(): void {
    const delayMs = this.#choice.climbAfter(this.#random());
    if (delayMs === undefined) return;
    const timer = this.#clock.after(delayMs, () => this.#try());
    this.#stop = () => timer.cancel();
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #try(): void {
    const asking = (): void => {};
    this.#stop = asking;
    const ifAsking =
      <Value>(run: (value: Value) => void) =>
      (value: Value): void => {
        if (this.#stop === asking) run(value);
      };
    this.#options.token().then(
      ifAsking((token: string | undefined) => this.#dial(token)),
      ifAsking(() => this.#again()),
    );
  }

  #dial(token: string | undefined): void {
    const name = this.#choice.above;
    const ready = (): void => {
      this.#stop = undefined;
      this.#choice.climbed(true);
      this.#options.ready(link, token);
    };
    const opened = (): void => (name === "websocket" ? link.probe(ready) : ready());
    const link = this.#options.dial(name, opened, () => this.#again());
    this.#stop = () => link.close();
  }

  #again(): void {
    this.#choice.climbed(false);
    this.start();
  }
}
