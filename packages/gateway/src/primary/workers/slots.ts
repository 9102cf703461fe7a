/**
 * The slots of an instance: which process has the place of each, and which ones live beside them.
 *
 * Beside the slots are successors that start and workers that a successor has replaced. When a process starts
 * is the supervisor's to say. Invariant: at most one process has a slot's place, and a process is listed
 * once, until it is gone.
 */
import type { WorkerProcess } from "./worker-process.js";

/** A successor on its way to its slot's place; `Program` is what it runs. */
export interface Succession<Program> {
  readonly program: Program;
  /** With the worker that it has replaced, if there was one. */
  readonly taken: (predecessor: WorkerProcess | undefined) => void;
  readonly failed: (problem: Error) => void;
}

export class Slots<Program> {
  /** The worker that has the place. */
  readonly #placed: (WorkerProcess | undefined)[];
  /** Alive without a place: successors that start, and those that they have replaced. */
  readonly #beside = new Set<WorkerProcess>();
  /** By successor; at most one at a time, as a reload asks for one after the other. */
  readonly #successions = new Map<WorkerProcess, Succession<Program>>();

  constructor(count: number) {
    this.#placed = Array.from({ length: count });
  }

  get count(): number {
    return this.#placed.length;
  }

  /** Workers that are alive, those beside the slots last. */
  get workers(): readonly WorkerProcess[] {
    const placed = this.#placed.filter((worker) => worker !== undefined);
    return this.#beside.size === 0 ? placed : [...placed, ...this.#beside];
  }

  /** How many of them are ready. */
  get ready(): number {
    return this.workers.filter(({ state }) => state === "ready").length;
  }

  isPlaced(worker: WorkerProcess): boolean {
    return this.#placed[worker.owner.slot] === worker;
  }

  /** No worker has the slot, and none is on the way to it. */
  isVacant(slot: number): boolean {
    if (this.#placed[slot] !== undefined) return false;
    return ![...this.#successions.keys()].some(({ owner }) => owner.slot === slot);
  }

  /** Generations of the slot's processes that are alive. */
  generations(slot: number): readonly number[] {
    return this.workers.filter(({ owner }) => owner.slot === slot).map(({ owner }) => owner.generation);
  }

  /** Gives a new worker the place of its slot, which is vacant. */
  place(worker: WorkerProcess): void {
    this.#placed[worker.owner.slot] = worker;
  }

  /** A successor starts beside its slot. */
  begin(successor: WorkerProcess, succession: Succession<Program>): void {
    this.#beside.add(successor);
    this.#successions.set(successor, succession);
  }

  /**
   * A worker is ready: if it is a successor, it takes its slot's place, and the predecessor lives beside from
   * now on. Returns the succession, which its caller has yet to tell.
   */
  succeed(
    worker: WorkerProcess,
  ):
    | { readonly succession: Succession<Program>; readonly predecessor: WorkerProcess | undefined }
    | undefined {
    const succession = this.abandon(worker);
    if (succession === undefined) return undefined;
    const { slot } = worker.owner;
    const predecessor = this.#placed[slot];
    this.#beside.delete(worker);
    this.#placed[slot] = worker;
    if (predecessor !== undefined) this.#beside.add(predecessor);
    return { succession, predecessor };
  }

  /** A worker will not take a place. Returns its succession, if it was a successor; it is alive still. */
  abandon(worker: WorkerProcess): Succession<Program> | undefined {
    const succession = this.#successions.get(worker);
    this.#successions.delete(worker);
    return succession;
  }

  /** A process is gone. Its succession, if it has one, is left for `abandon`. */
  gone(worker: WorkerProcess): void {
    if (this.isPlaced(worker)) this.#placed[worker.owner.slot] = undefined;
    this.#beside.delete(worker);
  }
}
