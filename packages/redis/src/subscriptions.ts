/**
 * Subscriptions: brings what Redis has subscribed in line with what the worker wishes, over any number of
 * links.
 *
 * Wishes may change while a command is under way, so none is sent for a single wish: one round at a time
 * compares wishes with what is confirmed and sends the difference, whole batches at once. Invariants: a round
 * starts only when the one before has ended, so the last wish always wins; a topic whose `subscribe` was
 * rejected is not wished any more.
 */
import { BrokerUnavailable, type Topic } from "@holdfast/core";

/** Where the difference is sent. Either call settles within a deadline. */
export interface SubscriptionLink {
  subscribe(topics: readonly Topic[]): Promise<void>;
  unsubscribe(topics: readonly Topic[]): Promise<void>;
}

/** Held once it was confirmed; until then its callers still wait, and get it back if it fails. */
interface Wish {
  held: boolean;
}

interface Waiter {
  readonly wishes: boolean;
  resolve(): void;
  reject(error: BrokerUnavailable): void;
}

/** What belongs to one link and ends with it. */
interface Attachment {
  readonly link: SubscriptionLink;
  readonly confirmed: Set<Topic>;
  /** Topics whose wish changed since the last round began. */
  changed: Set<Topic>;
  /** Calls that the next round answers. */
  waiting: Waiter[];
  /** Calls that the current round answers; empty between rounds. */
  answering: Waiter[];
  running: boolean;
}

export interface SubscriptionsOptions {
  /** Topics in one command. */
  readonly maxTopicsPerCommand: number;
  /** Runs a round after everything that is ready now, to let one round take it all. */
  readonly defer: (run: () => void) => void;
  /** An error as a reason that may be logged. */
  readonly reasonOf: (error: unknown) => string;
}

export class RedisSubscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #wishes = new Map<Topic, Wish>();
  #attachment: Attachment | undefined;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  /** Topics that are wished now. */
  get size(): number {
    return this.#wishes.size;
  }

  /** Whether the topic is wished now. */
  has(topic: Topic): boolean {
    return this.#wishes.has(topic);
  }

  /** Resolves when Redis has confirmed it. Rejects with `BrokerUnavailable` when it could not. */
  async subscribe(topic: Topic): Promise<void> {
    const attachment = this.#attachment;
    if (attachment === undefined) throw new BrokerUnavailable("Redis is away");
    // A wish that is not held is replaced: should the round under way fail, this call is not part of it.
    if (this.#wishes.get(topic)?.held !== true) this.#wishes.set(topic, { held: false });
    await this.#nextRound(attachment, topic, true);
  }

  /** Resolves when Redis has confirmed it; at once while there is no link, for then nothing is subscribed. */
  async unsubscribe(topic: Topic): Promise<void> {
    this.#wishes.delete(topic);
    if (this.#attachment !== undefined) await this.#nextRound(this.#attachment, topic, false);
  }

  /** Takes a new link into use and resolves when every wish is confirmed on it. Rejects when that fails. */
  async attach(link: SubscriptionLink): Promise<void> {
    this.detach();
    const attachment: Attachment = {
      link,
      confirmed: new Set(),
      changed: new Set(this.#wishes.keys()),
      waiting: [],
      answering: [],
      running: true,
    };
    this.#attachment = attachment;
    try {
      while (attachment.changed.size > 0) await this.#send(attachment);
    } finally {
      attachment.running = false;
    }
    this.#run(attachment);
  }

  /**
   * The link is gone. Pending subscribes reject; pending unsubscribes resolve, for it took all subscriptions
   * along.
   */
  detach(): void {
    const attachment = this.#attachment;
    if (attachment === undefined) return;
    this.#attachment = undefined;
    for (const [topic, wish] of this.#wishes) if (!wish.held) this.#wishes.delete(topic);
    const error = new BrokerUnavailable("Redis went away");
    for (const waiter of [...attachment.answering, ...attachment.waiting]) {
      if (waiter.wishes) waiter.reject(error);
      else waiter.resolve();
    }
  }

  #nextRound(attachment: Attachment, topic: Topic, wishes: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      attachment.changed.add(topic);
      attachment.waiting.push({ wishes, resolve, reject });
      this.#run(attachment);
    });
  }

  /** Runs rounds until no caller waits. */
  #run(attachment: Attachment): void {
    if (attachment.running || attachment.waiting.length === 0) return;
    attachment.running = true;
    this.#options.defer(async () => {
      if (this.#attachment !== attachment) return;
      attachment.answering = attachment.waiting;
      attachment.waiting = [];
      let failure: BrokerUnavailable | undefined;
      try {
        await this.#send(attachment);
      } catch (error) {
        failure = new BrokerUnavailable(this.#options.reasonOf(error));
      }
      if (this.#attachment !== attachment) return;
      const answered = attachment.answering;
      attachment.answering = [];
      for (const waiter of answered) {
        if (failure === undefined) waiter.resolve();
        else waiter.reject(failure);
      }
      attachment.running = false;
      this.#run(attachment);
    });
  }

  /** One round: sends the difference. Rejects with the first failure, and takes the refused wishes back. */
  async #send(attachment: Attachment): Promise<void> {
    const { link, confirmed, changed } = attachment;
    attachment.changed = new Set();
    const wished = new Map<Topic, Wish>();
    const unwished: Topic[] = [];
    for (const topic of changed) {
      const wish = this.#wishes.get(topic);
      if (wish !== undefined) wished.set(topic, wish);
      else if (confirmed.has(topic)) unwished.push(topic);
    }
    try {
      const missing = [...wished.keys()].filter((topic) => !confirmed.has(topic));
      for (const topics of chunks(missing, this.#options.maxTopicsPerCommand)) {
        await link.subscribe(topics);
        for (const topic of topics) confirmed.add(topic);
      }
      for (const topics of chunks(unwished, this.#options.maxTopicsPerCommand)) {
        await link.unsubscribe(topics);
        for (const topic of topics) confirmed.delete(topic);
      }
      for (const wish of wished.values()) wish.held = true;
    } catch (error) {
      for (const [topic, wish] of wished) {
        if (confirmed.has(topic)) attachment.changed.add(topic);
        if (!wish.held && this.#wishes.get(topic) === wish) this.#wishes.delete(topic);
      }
      for (const topic of unwished) attachment.changed.add(topic);
      throw error;
    }
  }
}

function* chunks(topics: readonly Topic[], size: number): Generator<readonly Topic[]> {
  for (let at = 0; at < topics.length; at += size) yield topics.slice(at, at + size);
}
