/**
 * Channel position: how far a subscription has read its channel, and what that means for the next
 * publication.
 *
 * Pure: it decides, and its owner tells the application. It checks everything that the server says.
 * Invariant: what it lets through has consecutive offsets, each once, until it says `gap`. The position moves
 * before the application is told, so that a listener can store it.
 */
import type { Position } from "@holdfast/protocol";
import { type GapPush, type Publication, reasonOf, type SubscribeAnswer } from "../wire/inbound.js";

/** What was not delivered and will not be. */
export interface Gap {
  readonly channel: string;
  /** The server's reason, such as `expired`, `epoch`, `too_many`, `unverifiable` or `slow`. */
  readonly reason: string;
  /** The first and the last offset that were missed, where that can be said. */
  readonly from?: number;
  readonly to?: number;
}

/** Deliver; drop as it is known already; or ask for the channel again, as something before it is missing. */
export type OffsetVerdict = "deliver" | "known" | "hole";

/** One step of catching up: an event of the subscription, in the order in which the application is told. */
export type Step =
  | { readonly told: "publication"; readonly value: Publication }
  | { readonly told: "gap"; readonly value: Gap }
  | { readonly told: "recovered"; readonly value: { readonly channel: string; readonly count: number } };

/** Epochs that are remembered as over. */
const MAX_FORMER = 8;

export class ChannelPosition {
  readonly #channel: string;
  #position: Position | undefined;
  /** Epochs that are over, newest first: what comes late from one of them is not what follows. */
  #former: readonly string[] = [];

  constructor(channel: string) {
    this.#channel = channel;
  }

  /**
   * Undefined where the channel keeps no history, and before the first answer. Each position is a new object.
   */
  get position(): Position | undefined {
    return this.#position;
  }

  set position(to: Position | undefined) {
    const last = this.#position?.epoch;
    if (last !== undefined && last !== to?.epoch) this.#former = [last, ...this.#former].slice(0, MAX_FORMER);
    this.#position = to;
  }

  /** A live publication with an offset. An epoch is given when it is not that of the publication before. */
  arrive(offset: number, epoch = this.position?.epoch): OffsetVerdict {
    const at = this.position;
    // Without an epoch nothing can be said of an offset.
    if (epoch === undefined || this.#isOver(epoch)) return "hole";
    if (at !== undefined && offset !== at.offset + 1) {
      return epoch === at.epoch && offset <= at.offset ? "known" : "hole";
    }
    this.position = { offset, epoch };
    return "deliver";
  }

  /** The server says that it skipped some. */
  skip(push: GapPush): Gap | Exclude<OffsetVerdict, "deliver"> {
    const { from, to, epoch } = push;
    const reason = reasonOf(push);
    const at = this.position;
    // A channel without history: nothing to keep count of.
    if (at === undefined) {
      if (to !== undefined && epoch !== undefined) this.position = { offset: to, epoch };
      return { channel: this.#channel, reason, ...(from && { from }), ...(to && { to }) };
    }
    // Not where to, or backwards: only the answer to a subscribe can tell.
    if (to === undefined || this.#isOver(epoch)) return "hole";
    const next = { offset: to, epoch: epoch ?? at.epoch };
    if (next.epoch === at.epoch && to <= at.offset) return to === at.offset ? "known" : "hole";
    this.position = next;
    return this.#gap(at, next, reason);
  }

  /**
   * The answer to a subscribe that brought the position. A caller that stops early can ask again from this
   * position.
   */
  *catchUp({ position: to, recovered, reason, publications }: SubscribeAnswer): Generator<Step> {
    const channel = this.#channel;
    const from = this.position;
    if (from === undefined || to === undefined || !recovered || !reaches(from, to)) {
      this.position = to;
      if (from !== undefined) yield { told: "gap", value: this.#gap(from, to, reason) };
      return;
    }
    const { epoch } = to;
    let at = from.offset;
    let count = 0;
    for (const stored of publications) {
      if (stored.offset > at + 1) break;
      if (stored.offset <= at) continue;
      at = stored.offset;
      this.position = { offset: at, epoch };
      count++;
      yield { told: "publication", value: { channel, ...stored } };
    }
    this.position = { offset: Math.max(at, to.offset), epoch };
    // It promised more than it sent.
    if (at < to.offset) yield { told: "gap", value: this.#gap({ offset: at, epoch }, to, reason) };
    else yield { told: "recovered", value: { channel, count } };
  }

  /** An answer may bring an epoch back, a push may not. */
  #isOver(epoch: string | undefined): boolean {
    return epoch !== undefined && epoch !== this.position?.epoch && this.#former.includes(epoch);
  }

  #gap(last: Position, to: Position | undefined, reason: string): Gap {
    const known = to !== undefined && to.epoch === last.epoch && to.offset > last.offset;
    return {
      channel: this.#channel,
      reason,
      ...(known && { from: last.offset + 1, to: to.offset }),
    };
  }
}

/** Whether `to` can follow on `from`: an epoch may change without a loss, but then offsets never go back. */
function reaches(from: Position, to: Position): boolean {
  return from.epoch === to.epoch || from.offset <= to.offset;
}
