/**
 * The siblings of a worker: its subscriptions at the broker shared with the other workers of its instance.
 *
 * The instance has each topic once at the broker: the topic's home holds it, for itself and for its siblings
 * (`topic-home.ts`), and each worker asks the homes of the topics that it wishes (`shared-topics.ts`). Knows
 * no broker but by the seam. Invariants: a home is a member of the instance that reaches the broker, or this
 * worker itself; a link to a worker that is no member any more stays while a topic is there.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type {
  Clock,
  Logger,
  Metrics,
  OwnSubscriptions,
  SharedLink,
  SharingEvents,
  SubscriptionSharing,
  Topic,
} from "@holdfast/core";
import { type Owner, ownerPrefix } from "@holdfast/protocol";
import type { SiblingHome, TopicPlacement } from "./placement.js";
import { SharedTopics } from "./shared-topics.js";
import { SiblingLink, type SiblingLinkEvents } from "./sibling-link.js";
import { SiblingServer } from "./sibling-server.js";
import { TopicHome } from "./topic-home.js";

/** How often it is looked whether siblings have left, ms. */
const LOOK_MS = 20;

export interface SiblingsOptions {
  readonly owner: Owner;
  /** Where the workers of this instance have their Unix sockets. */
  readonly directory: string;
  /** Names the instance. */
  readonly group: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export class Siblings implements SubscriptionSharing {
  readonly group: string;
  readonly #options: SiblingsOptions;
  readonly #home = new TopicHome();
  readonly #self: SiblingHome;
  readonly #server: SiblingServer;
  readonly #name: string;
  /** By the worker's prefix. */
  readonly #links = new Map<string, SiblingLink>();
  #members = new Set<string>();
  #topics: SharedTopics | undefined;

  constructor(options: SiblingsOptions) {
    const { owner, group, clock, metrics } = options;
    this.#options = options;
    this.group = group;
    this.#name = `${ownerPrefix(owner)}-${randomBytes(9).toString("base64url")}`;
    this.#self = selfHome(owner.slot, this.#home);
    this.#server = new SiblingServer({ path: this.#pathOf(owner), home: this.#home, clock, metrics });
  }

  start(events: SharingEvents): void {
    const { clock, metrics } = this.#options;
    this.#topics = new SharedTopics({ self: this.#self, name: this.#name, clock, metrics }, events);
  }

  /** Never rejects: a worker that siblings cannot reach is no home for them. */
  async listen(): Promise<void> {
    const problem = await this.#server.listen();
    if (problem !== undefined)
      this.#options.logger.warn(
        { err: problem },
        "no room for this worker's socket in the temporary folder: siblings have their topics elsewhere; tried again every 5 s",
      );
  }

  attach(own: OwnSubscriptions): SharedLink {
    const topics = this.#started();
    this.#home.attach(own);
    topics.attach(own);
    this.#server.tellState();
    this.#choose();
    return topics;
  }

  detach(): void {
    const wasAble = this.#home.isAble;
    this.#topics?.detach();
    this.#home.detach();
    if (wasAble) this.#server.tellState();
  }

  payload(topic: Topic, payload: Buffer): void {
    this.#home.payload(topic, payload);
  }

  fence(mark: string): void {
    if (mark.startsWith(`${this.#name}.`)) this.#topics?.fence(this.#self, mark);
    else this.#server.fence(mark);
  }

  /** The workers of the instance that are ready, which may be homes. */
  members(owners: readonly Owner[]): void {
    this.#members = new Set(owners.map(ownerPrefix));
    for (const owner of owners) {
      const prefix = ownerPrefix(owner);
      if (prefix === ownerPrefix(this.#options.owner) || this.#links.has(prefix)) continue;
      const link = { slot: owner.slot, path: this.#pathOf(owner), name: this.#name };
      this.#links.set(prefix, new SiblingLink({ ...link, clock: this.#options.clock }, this.#linkEvents()));
    }
    this.#choose();
    this.#closeUnused();
  }

  /** Resolves when no sibling has a topic here, or after `mostMs`. */
  vacated(mostMs: number): Promise<void> {
    const { clock } = this.#options;
    const since = clock.monotonic();
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.#server.interests === 0 || clock.monotonic() - since >= mostMs) resolve();
        else clock.after(LOOK_MS, look);
      };
      look();
    });
  }

  /** Idempotent. */
  close(): void {
    this.detach();
    this.#server.close();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  #linkEvents(): SiblingLinkEvents {
    return {
      changed: () => {
        this.#choose();
        this.#closeUnused();
      },
      lost: (placements: Iterable<TopicPlacement>) => this.#topics?.lost(placements),
      fence: (link, mark) => this.#topics?.fence(link, mark),
    };
  }

  #choose(): void {
    const homes: SiblingHome[] = [];
    for (const [prefix, link] of this.#links) if (this.#members.has(prefix) && link.isAble) homes.push(link);
    if (this.#members.has(ownerPrefix(this.#options.owner))) homes.push(this.#self);
    this.#topics?.choose(homes);
  }

  /** Links to workers that are gone. */
  #closeUnused(): void {
    for (const [prefix, link] of this.#links) {
      if (this.#members.has(prefix) || link.placements > 0) continue;
      this.#links.delete(prefix);
      link.close();
    }
  }

  #started(): SharedTopics {
    if (this.#topics === undefined) throw new Error("the siblings are not started");
    return this.#topics;
  }

  #pathOf(owner: Owner): string {
    return join(this.#options.directory, `${ownerPrefix(owner)}.pub`);
  }
}

/** This worker as a home of its own topics. */
function selfHome(slot: number, home: TopicHome): SiblingHome {
  return {
    slot,
    subscribe: (placement) => home.add(placement.topic, placement),
    unsubscribe: (placement) => home.remove(placement.topic, placement),
  };
}
