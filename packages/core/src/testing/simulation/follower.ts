/**
 * A follower: one client on one channel, by the protocol's rules for clients; and the checker of what it is
 * told.
 *
 * The promise that it checks, against the truth of `lives.ts` and the server's present state:
 * - publications come with consecutive offsets, each what was published there, none twice, none out of order;
 * - where that cannot be, the client is told so (`recovered: false`, or a gap) before the next publication;
 * - it is told so only where it is true: while nothing that it misses is lost, expired or too much.
 * That nothing is missing at the end is asked by `settled`.
 */
import type { Data, GapNotice, Position, PublicationPush, SubscribeResult } from "@holdfast/protocol";
import type { LogPage, Retention } from "../../broker/broker.js";
import { channelTopic } from "../../broker/topic.js";
import type { Node } from "./lives.js";
import type { SimServer } from "./sim-server.js";

export interface FollowerParts {
  readonly server: SimServer;
  readonly retention: Retention;
  readonly maxRecovered: number;
  readonly maxRecoveredChars: number;
  readonly note: (text: string) => void;
  readonly violation: (text: string) => void;
}

const ALL = Number.MAX_SAFE_INTEGER;

export class Follower {
  readonly channel: string;
  readonly #name: string;
  readonly #parts: FollowerParts;
  /** By data, which is unique among the publications that were asked for. */
  readonly #seen = new Map<Data, Node>();
  /** Where the client stands: undefined before its first subscription. */
  position: Position | undefined;
  publications = 0;
  verdicts = 0;

  constructor(client: string, channel: string, parts: FollowerParts) {
    this.channel = channel;
    this.#name = `${client} on ${channel}`;
    this.#parts = parts;
  }

  /** The answer to a subscription that asked for what came after `position`. */
  subscribed({ offset, epoch, recovered, reason, publications }: SubscribeResult): void {
    const since = this.position;
    this.#note(
      `subscribed since ${show(since)}: ${offset} ${epoch} ${recovered} ${reason ?? ""} +${publications?.length ?? 0}`,
    );
    if (offset === undefined || epoch === undefined) return this.#violation("was given no position");
    if (since === undefined) {
      this.position = { offset, epoch };
      return;
    }
    if (recovered !== true) {
      this.#verdict(since, String(reason), { offset, epoch });
      this.position = { offset, epoch };
      return;
    }
    if (!this.#truth.shares(since, epoch))
      this.#violation(`recovered from ${show(since)} into ${epoch}, which does not share it`);
    this.position = { offset: since.offset, epoch };
    for (const publication of publications ?? []) this.#next(publication.offset, epoch, publication.data);
    if (this.position.offset !== offset)
      this.#violation(
        `recovered to ${offset} ${epoch}, but what it was given ends at ${show(this.position)}`,
      );
    this.position = { offset, epoch };
  }

  publication({ offset, epoch, data }: PublicationPush): void {
    this.#note(`publication ${offset} ${epoch ?? ""} ${data}`);
    if (this.position === undefined || offset === undefined)
      return this.#violation("a publication without a position");
    if (offset > this.position.offset) this.#next(offset, epoch ?? this.position.epoch, data);
  }

  gap({ from, to, epoch, reason }: GapNotice): void {
    this.#note(`gap ${from}–${to} ${epoch} ${reason}`);
    const here = this.position;
    if (here === undefined || to === undefined || epoch === undefined || from === undefined)
      return this.#violation("a gap without a position");
    if (epoch === here.epoch && to <= here.offset) return;
    if (from > to + 1) this.#violation(`a gap from ${from} to ${to}`);
    if (epoch === here.epoch && from > here.offset + 1)
      this.#violation(`at ${show(here)} it is told of a gap from ${from}: what is between?`);
    // A client from a worker that was ahead knows more than the listeners that the gap is for.
    if (epoch !== here.epoch || reason === "expired") this.#verdict(here, reason, { offset: to, epoch });
    this.position = { offset: to, epoch };
  }

  /** Everything has come to rest: the client has to be where the log is. */
  settled(): void {
    const page = this.#page();
    const { position } = this;
    if (position === undefined) this.#violation("was never subscribed");
    else if (!this.#isProvable(position, page) || position.offset !== page.top.offset)
      this.#violation(`ends at ${show(position)}, the log at ${show(page.top)}, and it was told of no gap`);
  }

  #next(offset: number, epoch: string, data: unknown): void {
    const here = this.position;
    if (here === undefined) return;
    if (offset !== here.offset + 1) this.#violation(`after ${show(here)} came ${offset} ${epoch}`);
    if (epoch !== here.epoch && !this.#truth.shares(here, epoch))
      this.#violation(`went from ${show(here)} to ${epoch}, which does not share it`);
    const node = this.#truth.node({ offset, epoch });
    if (node === undefined) this.#violation(`${offset} ${epoch} was never published`);
    else if (node.data !== JSON.stringify(data))
      this.#violation(`${offset} ${epoch} is ${node.data}, not ${data}`);
    else this.#see(node, epoch);
    this.publications++;
    this.position = { offset, epoch };
  }

  /** The same publication may come again only where its first place was lost. */
  #see(node: Node, epoch: string): void {
    const before = this.#seen.get(node.data);
    if (before !== undefined && this.#truth.shares(before, epoch))
      this.#violation(`${node.data} came twice, at ${show(before)} and ${show(node)}`);
    this.#seen.set(node.data, node);
  }

  /** The client is told that something is missing after `since`; it goes on from `next`. */
  #verdict(since: Position, reason: string, next: Position): void {
    this.verdicts++;
    const page = this.#page();
    // Whose epoch is forgotten cannot be told what it has heard already.
    if (!isRemembered(since, page)) this.#seen.clear();
    if (!this.#isProvable(since, page) || page.oldest > since.offset + 1) return;
    if (reason === "too_many" && this.#isTooMuch(since, next.epoch)) return;
    this.#violation(`was told ${reason} after ${show(since)}, but the log still has everything after that`);
  }

  /**
   * The truth, as far as the broker remembers it. Not asked of core's own rules, which are what is tested.
   */
  #isProvable(position: Position, page: LogPage): boolean {
    return (
      isRemembered(position, page) &&
      position.offset <= page.top.offset &&
      this.#truth.shares(position, page.top.epoch)
    );
  }

  #isTooMuch(since: Position, epoch: string): boolean {
    let missed = 0;
    let chars = 0;
    for (let node = this.#after(since.offset, epoch); node; node = this.#after(node.offset, epoch)) {
      missed++;
      chars += node.data.length;
    }
    return missed > this.#parts.maxRecovered || chars > this.#parts.maxRecoveredChars;
  }

  #after(offset: number, epoch: string): Node | undefined {
    return this.#truth.node({ offset: offset + 1, epoch });
  }

  get #truth() {
    return this.#parts.server.lives(this.channel);
  }

  #page() {
    const { server, retention } = this.#parts;
    return server.read(channelTopic(this.channel), { from: 1, limit: ALL, maxBytes: ALL, retention });
  }

  #note(text: string): void {
    this.#parts.note(`${this.#name}: ${text}`);
  }

  #violation(text: string): void {
    this.#parts.violation(`${this.#name} ${text}`);
  }
}

function isRemembered({ epoch }: Position, { top, lineage }: LogPage): boolean {
  return epoch === top.epoch || lineage.some((earlier) => earlier.epoch === epoch);
}

function show(position: Position | undefined): string {
  return position === undefined ? "the beginning" : `${position.offset} ${position.epoch}`;
}
