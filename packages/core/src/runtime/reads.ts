/**
 * Reads under way: a few at once, the rest wait in lanes, one lane for each asker, and the lanes take turns.
 *
 * A page of a log or of members is memory at the broker, on the way and here until it is written. What bounds
 * it is the size of a page times the number of pages under way. Invariants: at most `atOnce` reads are under
 * way, and one of a lane; a lane is kept only while it has a read; an asker with many reads makes another
 * wait for one of them at most.
 */

export interface ReadLimits {
  /** Reads under way. */
  readonly atOnce: number;
  /** Reads that may wait, over all lanes. */
  readonly maxWaiting: number;
  /** Reads that may wait in one lane. */
  readonly maxWaitingPerLane: number;
}

/** There is no place left for one more read to wait: in its own lane, or in all of them together. */
export class ReadRefused extends Error {
  override readonly name = "ReadRefused";
  readonly full: "lane" | "worker";

  constructor(full: "lane" | "worker") {
    super(full === "lane" ? "too many reads of one asker wait" : "too many reads wait");
    this.full = full;
  }
}

interface Lane {
  readonly asker: object;
  running: boolean;
  /** Each begins one read; oldest first. */
  readonly waiting: (() => Promise<void>)[];
}

export class Reads {
  readonly #limits: ReadLimits;
  readonly #lanes = new Map<object, Lane>();
  /** Lanes whose next read may begin, in the order of their turns. */
  readonly #turns = new Set<Lane>();
  #running = 0;
  #waiting = 0;

  constructor(limits: ReadLimits) {
    this.#limits = limits;
  }

  /** Reads that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Runs `read` when it is its turn, and settles as it does. Rejects with `ReadRefused` where it cannot wait.
   */
  run<T>(asker: object, read: () => Promise<T>): Promise<T> {
    const lane = this.#lanes.get(asker) ?? { asker, running: false, waiting: [] };
    if (lane.waiting.length >= this.#limits.maxWaitingPerLane) return Promise.reject(new ReadRefused("lane"));
    if (this.#waiting >= this.#limits.maxWaiting) return Promise.reject(new ReadRefused("worker"));
    return new Promise<T>((resolve, reject) => {
      lane.waiting.push(() => read().then(resolve, reject));
      this.#waiting++;
      this.#lanes.set(asker, lane);
      if (!lane.running) this.#turns.add(lane);
      this.#pump();
    });
  }

  #pump(): void {
    for (const lane of this.#turns) {
      if (this.#running >= this.#limits.atOnce) return;
      this.#turns.delete(lane);
      const begin = lane.waiting.shift();
      if (begin === undefined) continue;
      this.#waiting--;
      this.#running++;
      lane.running = true;
      void begin().then(() => this.#ended(lane));
    }
  }

  #ended(lane: Lane): void {
    this.#running--;
    lane.running = false;
    if (lane.waiting.length > 0) this.#turns.add(lane);
    else this.#lanes.delete(lane.asker);
    this.#pump();
  }
}
