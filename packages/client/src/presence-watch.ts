/**
 * Presence watch: keeps a subscription's view of who is there, and reads it anew when a change was missed.
 *
 * A missed change is often missed by many at once, so readings are spread over `SPREAD_MS`. Invariants: one timer or one
 * reading at a time, while there is a connection; a change that cannot be taken makes the view incomplete until then.
 */
import { type BackoffOptions, backoffDelay, MAX_PRESENCE_LIMIT } from "@holdfast/protocol";
import type { Clock, Timer } from "./clock.js";
import { clientErrors, HoldfastError } from "./errors.js";
import { type PresencePush, readPresenceList } from "./inbound.js";
import type { Link } from "./link.js";
import { type Member, type Presence, PresenceView } from "./presence.js";

/** Over how long the readings of many clients are spread, ms. */
const SPREAD_MS = 2_000;

export interface PresenceEvents {
  /** Somebody has come: a user's first session, or each session, as the channel's namespace has it. */
  readonly join: { readonly channel: string; readonly member: Member };
  readonly leave: { readonly channel: string; readonly member: Member };
  /** Who is there has changed, or is known anew after a reconnect. */
  readonly presence: Presence;
}

export interface PresenceWatchOptions {
  readonly backoff: BackoffOptions;
  readonly clock: Clock;
  readonly random: () => number;
  problem(error: HoldfastError): void;
}

type Tell = <Name extends keyof PresenceEvents>(name: Name, value: PresenceEvents[Name]) => void;

type State =
  | { readonly t: "idle" }
  /** With a timer before the reading, without one during it. */
  | { readonly t: "reading"; readonly timer: Timer | undefined };

export class PresenceWatch {
  readonly #channel: string;
  readonly #options: PresenceWatchOptions;
  readonly #tell: Tell;
  readonly #view = new PresenceView();
  #wire: Pick<Link, "request"> | undefined;
  #state: State = { t: "idle" };
  /** Failed readings in a row. */
  #failures = 0;

  constructor(channel: string, options: PresenceWatchOptions, tell: Tell) {
    this.#channel = channel;
    this.#options = options;
    this.#tell = tell;
  }

  get current(): Presence {
    return this.#view.current;
  }

  /** The server holds the subscription; `body` is what it answered. */
  begin(wire: Pick<Link, "request">, body: unknown): void {
    this.stop();
    this.#wire = wire;
    this.#take(readPresenceList((body as { readonly presence?: unknown } | null)?.presence));
  }

  /** The subscription is not held any more. What is known stays, as it was. */
  stop(): void {
    this.#wire = undefined;
    this.#rest();
  }

  push(push: PresencePush): void {
    if (this.#wire === undefined) return;
    if (push.kind === "presence") {
      this.#view.count(push);
      return this.#tell("presence", this.current);
    }
    const { kind, channel, member, version } = push;
    const change = this.#view.change(kind, member, version);
    if (change === "hole") return this.#readSoon();
    if (change === "known") return;
    this.#tell(kind, { channel, member });
    this.#tell("presence", this.current);
  }

  #take(list: ReturnType<typeof readPresenceList>): void {
    if (list === undefined) return this.#readSoon();
    this.#failures = 0;
    this.#view.replace(list);
    this.#tell("presence", this.current);
  }

  #readSoon(delayMs = this.#options.random() * SPREAD_MS): void {
    if (this.#state.t === "reading") return;
    if (this.#view.current.complete) this.#view.doubt();
    this.#state = { t: "reading", timer: this.#options.clock.after(delayMs, () => this.#read()) };
  }

  #read(): void {
    const reading: State = { t: "reading", timer: undefined };
    this.#state = reading;
    const body = { channel: this.#channel, limit: MAX_PRESENCE_LIMIT };
    this.#wire?.request("presence", body, (outcome) => {
      if (this.#state !== reading) return;
      this.#rest();
      if (outcome.ok) {
        const list = readPresenceList(outcome.body);
        if (list !== undefined) return this.#take(list);
      }
      const error = outcome.ok ? new HoldfastError(clientErrors.malformed) : outcome.error;
      this.#options.problem(error);
      const { backoff, random } = this.#options;
      if (error.temporary) this.#readSoon(SPREAD_MS + backoffDelay(this.#failures++, random(), 0, backoff));
    });
  }

  #rest(): void {
    if (this.#state.t === "reading") this.#state.timer?.cancel();
    this.#state = { t: "idle" };
  }
}
