/**
 * Behind: what one subscription has not been sent, from its first skipped batch until it catches up.
 *
 * It keeps where it fell behind and up to where, not what it missed. Catching up is one batch: a `gap` for
 * each stretch of publications that it will never see, and between them those that were kept for it.
 * Invariant: with a stream, every skipped offset is either in exactly one gap or in a publication, in
 * ascending order.
 */
import type { Numbers } from "./batch.js";
import { Batch, type Pushed } from "./batch.js";
import { gapPush } from "./push.js";

export class SkippedRange {
  /** Publications that were skipped. */
  skipped = 0;
  /** Those of them that have no offset. */
  #loose = 0;
  #from: Batch["base"];
  #to: Batch["end"];
  /** Whether the stream itself had a gap meanwhile, of which the subscription has to be told. */
  #broken = false;
  #numbers: Numbers | undefined;

  /** Skips a batch. `numbers` are its numbers in the channel's conflation, if it has one. */
  skip(batch: Batch, numbers: Numbers | undefined): void {
    this.#from ??= batch.base;
    this.#to = batch.end ?? this.#to;
    if (numbers !== undefined)
      this.#numbers = { after: this.#numbers?.after ?? numbers.after, upTo: numbers.upTo };
    for (const { data, to } of batch.pushed) {
      if (data === undefined) this.#broken = true;
      else this.skipped++;
      if (to === undefined) this.#loose++;
    }
  }

  /** Between which numbers of the conflation it missed everything. */
  get numbers(): Numbers {
    return this.#numbers ?? { after: 0, upTo: 0 };
  }

  /** What the subscription is told; `kept` of what it missed is not lost. `now`: monotonic ms. */
  catchUp(channel: string, kept: readonly Pushed[], now: number): Batch {
    const batch = new Batch(now, channel);
    const keptLoose = kept.filter(({ to }) => to === undefined).length;
    if (this.#loose > keptLoose) batch.add(gapPush({ channel, reason: "slow" }));
    const epoch = this.#to?.epoch ?? "";
    let next = (this.#from?.offset ?? 0) + 1;
    let due = this.#broken;
    const gapTo = (to: number): void => {
      if (due || next <= to) {
        const span = { from: { offset: next - 1, epoch }, to: { offset: to, epoch } };
        batch.add(gapPush({ channel, from: next, to, epoch, reason: "slow" }), span);
      }
      due = false;
      next = to + 1;
    };
    for (const { push, to } of kept) {
      if (to !== undefined) {
        gapTo(to.offset - 1);
        next = to.offset + 1;
      }
      batch.add(push, to && { from: to, to });
    }
    if (this.#to !== undefined) gapTo(this.#to.offset);
    return batch;
  }
}
