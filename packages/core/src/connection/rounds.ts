/**
 * Rounds: looks at all connections, share by share, so that each is looked at once in a round.
 *
 * Neighbours share a share: slots in a row were taken one after the other, so what belongs to them lies
 * together in memory, the kernel's too, and is fetched together. Every so many slots would be a page for each
 * look. A share is walked in slices. Invariants: walks do not overtake each other; no slice holds the loop
 * much longer than `SLICE_MS`; a walk that is not over when the next share is due is finished at once, so
 * that no more than one share waits.
 */
import type { Clock } from "../runtime/clock.js";
import type { SlotArray, Slotted } from "../runtime/slot-array.js";

/** Slots in a row with the same share; also how many are looked at between two looks at the clock. */
const NEIGHBOURS = 32;
const SLICE_MS = 5;

interface Walk<M> {
  slot: number;
  readonly look: (member: M) => void;
  readonly over: () => void;
}

export class Rounds<M extends Slotted> {
  readonly #members: SlotArray<M>;
  readonly #shares: number;
  readonly #clock: Clock;
  /** In the order in which they were begun. */
  readonly #walks: Walk<M>[] = [];
  #state: "idle" | "walking" | "deferred" = "idle";

  /** `shares`: in a round. */
  constructor(members: SlotArray<M>, shares: number, clock: Clock) {
    this.#members = members;
    this.#shares = shares;
    this.#clock = clock;
  }

  /** Looks at each member of the share, behind what was begun before; then `over` is called. */
  visit(share: number, look: (member: M) => void, over: () => void = () => {}): void {
    this.#walks.push({ slot: (share % this.#shares) * NEIGHBOURS, look, over });
    if (this.#state === "idle") this.#goOn();
  }

  /** What was begun is over when this returns, unless a look calls it. */
  finish(): void {
    if (this.#state === "deferred") this.#walk(Number.POSITIVE_INFINITY, "deferred");
  }

  #goOn(): void {
    if (this.#walk(this.#clock.monotonic() + SLICE_MS, "idle")) return;
    this.#state = "deferred";
    this.#clock.defer(() => this.#goOn());
  }

  /** False where something is left; `then`: the state when nothing is. */
  #walk(untilMs: number, then: "idle" | "deferred"): boolean {
    this.#state = "walking";
    for (;;) {
      const [walk] = this.#walks;
      if (walk === undefined) {
        this.#state = then;
        return true;
      }
      if (walk.slot >= this.#members.end) {
        this.#walks.shift();
        walk.over();
        continue;
      }
      if (this.#clock.monotonic() >= untilMs) return false;
      this.#lookAt(walk);
      walk.slot += this.#shares * NEIGHBOURS;
    }
  }

  #lookAt({ slot: first, look }: Walk<M>): void {
    const end = Math.min(first + NEIGHBOURS, this.#members.end);
    for (let slot = first; slot < end; slot++) {
      const member = this.#members.at(slot);
      if (member !== undefined) look(member);
    }
  }
}
