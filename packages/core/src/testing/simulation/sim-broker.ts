/**
 * The simulated broker seen from one worker: an implementation of the seam over two links, one for commands
 * and one for publications, that are slow in their own ways and lose what the climate says.
 *
 * It keeps the seam's promises: a call that is not answered rejects within its deadline, an outage restores
 * the subscriptions before it is ready again, what was unsubscribed is never delivered.
 */
import type { Data, Position } from "@holdfast/protocol";
import {
  type Broker,
  type BrokerEvents,
  type BrokerPublishOptions,
  type BrokerState,
  BrokerUnavailable,
  type LogPage,
  type LogQuery,
} from "../../broker/broker.js";
import type { Topic } from "../../broker/topic.js";
import type { ChangeOutcome, PresenceChange, PresenceStore } from "../../presence/store.js";
import { Pipe } from "./pipe.js";
import type { Random } from "./random.js";
import type { Schedule } from "./schedule.js";
import type { SimServer, Subscriber } from "./sim-server.js";

/** ms. */
const CALL_DEADLINE = 500;

export interface LinkQuality {
  readonly pubSubDelayMs: number;
  readonly commandDelayMs: number;
  /** Shares of what is lost. */
  pubSubLoss: number;
  commandLoss: number;
}

export interface SimBrokerParts {
  readonly server: SimServer;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly quality: LinkQuality;
  readonly note: (text: string) => void;
}

export class SimBroker implements Broker, Subscriber {
  state: BrokerState = "connecting";
  readonly #parts: SimBrokerParts;
  readonly #topics = new Set<Topic>();
  readonly #requests: Pipe;
  readonly #replies: Pipe;
  readonly #publications: Pipe;
  readonly #pending = new Set<(error: Error) => void>();
  #events: BrokerEvents | undefined;
  /** Outages so far: an end of one that another has overtaken does nothing. */
  #outages = 0;

  constructor(parts: SimBrokerParts) {
    const { schedule, random, quality } = parts;
    this.#parts = parts;
    const command = (): number => random.int(0, quality.commandDelayMs);
    this.#requests = new Pipe(schedule, command);
    this.#replies = new Pipe(schedule, command);
    this.#publications = new Pipe(schedule, () => random.int(0, quality.pubSubDelayMs));
  }

  start(events: BrokerEvents): void {
    this.#events = events;
    this.cut(1);
  }

  publish(topic: Topic, data: Data, options: BrokerPublishOptions = {}): Promise<Position | undefined> {
    return this.#call(() => this.#parts.server.publish(topic, data, options));
  }

  read(topic: Topic, query: LogQuery): Promise<LogPage> {
    return this.#call(() => {
      const page = this.#parts.server.read(topic, query);
      const { top, oldest, entries } = page;
      this.#parts.note(
        `read ${topic} from ${query.from}: ${entries.length} of ${oldest}–${top.offset} ${top.epoch}`,
      );
      return page;
    });
  }

  /** Presence over the same link. */
  presence(): PresenceStore {
    const { server, note } = this.#parts;
    const { presence } = server;
    return {
      renew: (id, ...rest) =>
        this.#call(async () => {
          const state = await presence.renew(id, ...rest);
          note(`renews ${id}: ${state.held ? "held" : "not held"}, others lapsed: ${state.lapsed.join(" ")}`);
          return state;
        }),
      change: (channel, lease, changes, rule) =>
        this.#call(async () => {
          const { kind, ...outcome } = await presence.change(channel, lease, changes, rule);
          note(`tells ${channel} under ${lease.id}: ${changes.map(shortly).join(" ")}: ${kind}`);
          return { kind, ...outcome } as ChangeOutcome;
        }),
      read: (...query) => this.#call(() => presence.read(...query)),
      end: (id) =>
        this.#call(async () => {
          await presence.end(id);
          note(`ends ${id}`);
        }),
    };
  }

  /** The shared secret, over the same link. */
  sharedSecret(): Promise<string> {
    return this.#call(() => "the secret of the simulated cluster");
  }

  subscribe(topic: Topic): Promise<void> {
    this.#topics.add(topic);
    return this.#call(() => this.#parts.server.subscribe(topic, this));
  }

  unsubscribe(topic: Topic): Promise<void> {
    this.#topics.delete(topic);
    return this.#call(() => this.#parts.server.unsubscribe(topic, this));
  }

  async close(): Promise<void> {
    this.crash();
    for (const reject of [...this.#pending]) reject(new BrokerUnavailable("closed"));
    this.#events?.state("closed");
  }

  /** The links break, and are restored after so long. */
  cut(outageMs: number): void {
    if (this.state === "closed") return;
    const outage = ++this.#outages;
    this.#sever();
    if (this.state === "ready") {
      this.state = "connecting";
      this.#events?.state("connecting");
    }
    for (const reject of [...this.#pending]) reject(new BrokerUnavailable("the link broke"));
    this.#parts.schedule.after(outageMs, () => {
      if (outage !== this.#outages || this.state === "closed") return;
      for (const topic of this.#topics) this.#parts.server.subscribe(topic, this);
      this.state = "ready";
      this.#parts.note("broker is back");
      this.#events?.state("ready");
    });
  }

  /** The worker has died: nothing is answered any more. */
  crash(): void {
    this.state = "closed";
    this.#sever();
  }

  /** Called by the server. */
  deliver(topic: Topic, data: Data, position: Position | undefined): void {
    const { random, quality, note } = this.#parts;
    if (random.chance(quality.pubSubLoss))
      return note(`pub/sub loses ${topic} ${position?.offset} ${position?.epoch}`);
    this.#publications.send(() => {
      if (this.#topics.has(topic)) this.#events?.publication(topic, data, position);
    });
  }

  #sever(): void {
    this.#requests.cut();
    this.#replies.cut();
    this.#publications.cut();
    this.#parts.server.drop(this);
  }

  #call<T>(run: () => T | Promise<T>): Promise<T> {
    if (this.state !== "ready") return Promise.reject(new BrokerUnavailable(`the broker is ${this.state}`));
    const { schedule, random, quality } = this.#parts;
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        if (this.#pending.delete(fail)) reject(error);
      };
      this.#pending.add(fail);
      schedule.after(CALL_DEADLINE, () => fail(new BrokerUnavailable("no answer in time")));
      if (random.chance(quality.commandLoss)) return;
      this.#requests.send(() => {
        const answer = run();
        if (random.chance(quality.commandLoss)) return;
        this.#replies.send(() => {
          if (this.#pending.delete(fail)) resolve(answer);
        });
      });
    });
  }
}

function shortly(change: PresenceChange): string {
  if (change.kind === "drop") return `-${change.session}`;
  const { session, count = 0 } = change.member;
  return `+${session}/${count}`;
}
