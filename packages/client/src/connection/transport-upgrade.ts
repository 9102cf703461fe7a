/**
 * Transport upgrade: while a connection serves, tries a better transport from time to time.
 *
 * A WebSocket is accepted when it has opened and echoed a ping, so the working connection is given up only
 * for one that passes data. An event stream can only be judged in use: either its connect reply comes in
 * time, or transport-choice.ts goes back. Invariants: at any time there is one timer, one request for a token
 * or one connection; nothing is left after `stop()`, except a connection that was handed over.
 */
import type { Clock } from "../clock.js";
import type { TransportName } from "../transports/transport.js";
import type { ServerConnection } from "./link.js";
import type { TransportChoice } from "./transport-choice.js";

export interface TransportUpgradeOptions {
  token(): Promise<string | undefined>;
  /** Opens a connection. `failed`: it has ended before it was handed over. */
  dial(name: TransportName, opened: () => void, failed: () => void): ServerConnection;
  /** The connection can take over; it is the owner's from now on. */
  ready(connection: ServerConnection, token: string | undefined): void;
}

export class TransportUpgrade {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #choice: TransportChoice;
  readonly #options: TransportUpgradeOptions;
  /** Ends what is under way; undefined when nothing is. */
  #stop: (() => void) | undefined;

  constructor(clock: Clock, random: () => number, choice: TransportChoice, options: TransportUpgradeOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#choice = choice;
    this.#options = options;
  }

  /** Begins, unless the best transport is in use. */
  start(): void {
    const delayMs = this.#choice.upgradeAfter(this.#random());
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
    const name = this.#choice.better;
    const ready = (): void => {
      this.#stop = undefined;
      this.#choice.upgraded(true);
      this.#options.ready(connection, token);
    };
    const opened = (): void => (name === "websocket" ? connection.probe(ready) : ready());
    const connection = this.#options.dial(name, opened, () => this.#again());
    this.#stop = () => connection.close();
  }

  #again(): void {
    this.#choice.upgraded(false);
    this.start();
  }
}
