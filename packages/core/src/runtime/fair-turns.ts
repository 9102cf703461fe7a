/**
 * Work in turns: a few pieces at once, few of one asker, and the askers whose work waits take turns.
 *
 * For what costs far more than the request that brings it: pages of a log, checks of signatures. Invariants:
 * at most `atOnce` pieces are under way, and at most `atOncePerAsker` of one asker; an asker is kept only
 * while it has work; an asker with much work makes another wait for one piece of it at most.
 */
import { FairQueue } from "./fair-queue.js";

export interface TurnLimits {
  /** Pieces of work under way. */
  readonly atOnce: number;
  /** Of them, of one asker. */
  readonly atOncePerAsker: number;
  /** Pieces that may wait, of all askers. */
  readonly maxWaiting: number;
  /** Of them, of one asker. */
  readonly maxWaitingPerAsker: number;
}

/** There is no place left for one more piece of work to wait: of its own asker, or of all together. */
export class TurnRefused extends Error {
  override readonly name = "TurnRefused";
  readonly full: "asker" | "all";

  constructor(full: "asker" | "all") {
    super(full === "asker" ? "too much work of one asker waits" : "too much work waits");
    this.full = full;
  }
}

export class FairTurns {
  readonly #limits: TurnLimits;
  /** Each begins one piece of work. */
  readonly #queue = new FairQueue<object, () => void>();
  readonly #running = new Map<object, number>();
  #underWay = 0;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  /** Pieces of work that wait. */
  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * Runs `work` when it is its turn, and settles as it does. Rejects with `TurnRefused` where it cannot wait.
   */
  run<T>(asker: object, work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const begin = (): void =>
        void work()
          .then(resolve, reject)
          .then(() => this.leave(asker));
      const refused = this.#ask(asker, begin);
      if (refused !== undefined) reject(refused);
    });
  }

  /** Resolves when a piece of work may begin: `leave` follows. Rejects with `TurnRefused`. */
  enter(asker: object): Promise<void> {
    return new Promise((resolve, reject) => {
      const refused = this.#ask(asker, resolve);
      if (refused !== undefined) reject(refused);
    });
  }

  /** A piece of work has ended. */
  leave(asker: object): void {
    this.#underWay--;
    const running = this.#runningOf(asker) - 1;
    if (running > 0) this.#running.set(asker, running);
    else this.#running.delete(asker);
    // Behind those that have waited.
    this.#queue.toEnd(asker);
    this.#proceed();
  }

  #ask(asker: object, begin: () => void): TurnRefused | undefined {
    const { maxWaiting, maxWaitingPerAsker } = this.#limits;
    if (this.#mayBegin(asker)) this.#begin(asker, begin);
    else if (this.#queue.sizeOf(asker) >= maxWaitingPerAsker) return new TurnRefused("asker");
    else if (this.#queue.size >= maxWaiting) return new TurnRefused("all");
    else this.#queue.add(asker, () => this.#begin(asker, begin));
    return undefined;
  }

  #proceed(): void {
    const mayBegin = (asker: object): boolean => this.#mayBegin(asker);
    while (this.#underWay < this.#limits.atOnce) {
      const next = this.#queue.shift(mayBegin);
      if (next === undefined) return;
      next();
    }
  }

  #mayBegin(asker: object): boolean {
    return this.#underWay < this.#limits.atOnce && this.#runningOf(asker) < this.#limits.atOncePerAsker;
  }

  #begin(asker: object, begin: () => void): void {
    this.#underWay++;
    this.#running.set(asker, this.#runningOf(asker) + 1);
    begin();
  }

  #runningOf(asker: object): number {
    return this.#running.get(asker) ?? 0;
  }
}
