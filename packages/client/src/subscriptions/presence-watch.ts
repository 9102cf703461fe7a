/**
 * Presence watch: keeps a subscription's view of who is there, and reads it anew when a change was missed.
 *
 * A missed change is often missed by many at once, so readings are spread over `SPREAD_MS`. Invariants: one
 * timer or one reading at a time, while there is a connection; a change that cannot be taken makes the view
 * incomplete until then.
 */
import { type BackoffOptions, backoffDelay, MAX_PRESENCE_LIMIT } from "@holdfast/protocol";
import type { Clock } from "../clock.js";
import type { ServerConnection } from "../connection/link.js";
import { clientErrors, HoldfastError } from "../wire/errors.js";
import type { Member } from "../wire/inbound.js";
import { type PresencePush, readPresenceList } from "../wire/inbound.js";
import { type Presence, PresenceTracker } from "./presence.js";

/** Over how long the readings of many clients are spread, ms. */
const SPREAD_MS = 2_000;
/** Changes that are held until the reading's answer. */
const MAX_HELD = 256;

export interface PresenceEvents {
  /** A member has joined: a user's first session, or each session, as the channel's namespace has it. */
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

export class PresenceWatch {
  readonly #channel: string;
  readonly #options: PresenceWatchOptions;
  readonly #tell: Tell;
  readonly #view = new PresenceTracker();
  #wire: Pick<ServerConnection, "request"> | undefined;
  /** Ends the reading that is due or under way; undefined when there is none. */
  #reading: (() => void) | undefined;
  /** Changes that came since one was missed: they may follow on what is read. */
  #held: PresencePush[] = [];
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
  begin(wire: Pick<ServerConnection, "request">, body: unknown): void {
    this.stop();
    this.#wire = wire;
    this.#take(readPresenceList((body as { readonly presence?: unknown } | null)?.presence));
  }

  /** The subscription is not held any more. What is known stays, as it was. */
  stop(): void {
    this.#wire = undefined;
    this.#reading?.();
    this.#held = [];
  }

  push(push: PresencePush): void {
    if (this.#wire === undefined) return;
    if (this.#reading !== undefined) {
      this.#held.push(push);
      // What is missing then shows, and is read again.
      if (this.#held.length > MAX_HELD) this.#held.shift();
      return;
    }
    if (push.kind === "presence") {
      this.#view.count(push.body);
      return this.#tell("presence", this.current);
    }
    const { kind } = push;
    const { channel, member, version } = push.body;
    const change = this.#view.change(kind, member, version);
    if (change === "hole") {
      this.#readSoon();
      return this.push(push);
    }
    if (change === "known") return;
    this.#tell(kind, { channel, member });
    this.#tell("presence", this.current);
  }

  #take(list: ReturnType<typeof readPresenceList>): void {
    if (list === undefined) return this.#readSoon();
    this.#failures = 0;
    this.#view.replace(list, (kind, member) => this.#tell(kind, { channel: this.#channel, member }));
    this.#tell("presence", this.current);
    for (const push of this.#held.splice(0)) this.push(push);
  }

  #readSoon(delayMs = this.#options.random() * SPREAD_MS): void {
    if (this.#reading !== undefined) return;
    this.#view.doubt();
    const timer = this.#options.clock.after(delayMs, () => this.#read(end));
    const end = (): void => {
      timer.cancel();
      this.#reading = undefined;
    };
    this.#reading = end;
  }

  #read(end: () => void): void {
    const body = { channel: this.#channel, limit: MAX_PRESENCE_LIMIT };
    this.#wire?.request("presence", body, (outcome) => {
      if (this.#reading !== end) return;
      end();
      const list = outcome.ok ? readPresenceList(outcome.body) : undefined;
      if (list !== undefined) return this.#take(list);
      const error = outcome.ok ? new HoldfastError(clientErrors.malformed) : outcome.error;
      const { backoff, problem, random } = this.#options;
      problem(error);
      if (error.temporary) this.#readSoon(SPREAD_MS + backoffDelay(this.#failures++, random(), 0, backoff));
    });
  }
}
