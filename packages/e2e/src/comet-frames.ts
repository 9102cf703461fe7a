/**
 * What a plain client of one channel makes of the frames that it gets by an event stream or by polls: numbers to check, gaps
 * that it is told of, its session id.
 *
 * It keeps its position as docs/protocol.md has it, and drops what is not above it: who comes back to a worker that is a moment
 * behind the one before hears the end of the batch that is on its way there.
 */
import type { SequenceCheck } from "./watcher.js";

interface Subscribed {
  readonly offset?: number;
  readonly epoch?: string;
  readonly recovered?: boolean;
  readonly reason?: string;
}

interface Publication {
  readonly channel: string;
  readonly data: unknown;
  readonly offset?: number;
  readonly epoch?: string;
}

/** As much of a push as matters here. */
export interface CometFrame {
  readonly connect?: { readonly sid: string; readonly subs?: Readonly<Record<string, Subscribed>> };
  readonly publication?: Publication;
  readonly gap?: { readonly channel: string; readonly reason: string };
  readonly unsubscribed?: { readonly channel: string; readonly code: number };
}

export class CometFrames {
  readonly #check: SequenceCheck;
  #offset = -1;
  #epoch: string | undefined;

  constructor(check: SequenceCheck) {
    this.#check = check;
  }

  /** Returns the session's id when the frame says it. */
  take({ connect, publication, gap, unsubscribed }: CometFrame): string | undefined {
    const { channel } = this.#check;
    if (publication?.channel === channel) this.#publication(publication);
    else if (gap?.channel === channel) this.#check.gap(gap.reason);
    else if (unsubscribed?.channel === channel) this.#check.gap(`unsubscribed with ${unsubscribed.code}`);
    const sub = connect?.subs?.[channel];
    if (sub?.recovered === false) this.#check.gap(sub.reason ?? "unrecovered");
    if (sub?.offset !== undefined) {
      this.#offset = sub.offset;
      this.#epoch = sub.epoch;
    }
    return connect?.sid;
  }

  #publication({ data, offset, epoch = this.#epoch }: Publication): void {
    if (offset !== undefined) {
      if (epoch === this.#epoch && offset <= this.#offset) return;
      this.#offset = offset;
      this.#epoch = epoch;
    }
    this.#check.number(data as number);
  }
}
