/**
 * Rolling reload: every worker is replaced by one of new code and configuration, one slot after the other.
 *
 *     idle ──request──► rolling ──last slot, or a successor that does not start──► idle
 *     (stop ends every state)
 *
 * In each slot the successor is ready before its predecessor is told to leave, so capacity never falls. A
 * request that comes meanwhile is merged: what was newest wins, and all slots are due again, the next one
 * first. Invariants: at most one slot is being replaced at a time; after a round that was not cut short, each
 * slot runs the newest program.
 */
import type { Logger } from "@holdfast/core";

/** What a reload asks of the instance. */
export interface ReloadCrew<Program, Worker> {
  readonly slots: number;
  /**
   * Starts a successor and gives it the slot; resolves with the predecessor, rejects when it does not become
   * ready.
   */
  succeed(slot: number, program: Program): Promise<Worker | undefined>;
  /** Ends a worker that was replaced; resolves when it is gone. */
  retire(worker: Worker): Promise<void>;
}

export type ReloadResult = "done" | "failed" | "stopped";

/** `idle`: there was none. */
export const RELOAD_STATES = Object.freeze(["idle", "rolling", "done", "failed", "stopped"] as const);

/** How far the last round is. */
export interface ReloadProgress {
  readonly state: (typeof RELOAD_STATES)[number];
  /** Workers that are yet to be replaced. */
  readonly left: number;
  readonly total: number;
  /** ISO 8601; null where there was none. */
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** Why it ended early; null where it did not. */
  readonly problem: string | null;
}

type State<Program> = { readonly t: "idle" } | Rolling<Program> | { readonly t: "stopped" };

interface Rolling<Program> {
  readonly t: "rolling";
  readonly program: Program;
  /** The slot that is being replaced, maybe by an older program. */
  readonly at: number;
  /** Slots that do not run `program` yet, the next one first. */
  readonly due: readonly number[];
}

export class Reload<Program, Worker> {
  readonly #crew: ReloadCrew<Program, Worker>;
  readonly #ended: (result: ReloadResult) => void;
  readonly #logger: Logger;
  readonly #now: () => number;
  #state: State<Program> = { t: "idle" };
  #progress: ReloadProgress;

  /** `ended` is told how each round ended; `now`: ms since 1970, for operators. */
  constructor(
    crew: ReloadCrew<Program, Worker>,
    ended: (result: ReloadResult) => void,
    logger: Logger,
    now: () => number,
  ) {
    this.#crew = crew;
    this.#ended = ended;
    this.#logger = logger;
    this.#now = now;
    const none = { startedAt: null, endedAt: null, problem: null };
    this.#progress = { state: "idle", left: 0, total: crew.slots, ...none };
  }

  get progress(): ReloadProgress {
    return this.#state.t === "rolling" ? { ...this.#progress, left: this.left } : this.#progress;
  }

  /** Slots that are yet to be replaced. */
  get left(): number {
    return this.#state.t === "rolling" ? this.#state.due.length : 0;
  }

  /** Begins, or joins the round under way. After `stop` it does nothing. */
  request(program: Program): void {
    const { slots } = this.#crew;
    if (this.#state.t === "stopped") return;
    if (this.#state.t === "rolling") {
      const { at } = this.#state;
      const due = Array.from({ length: slots }, (_, i) => (at + 1 + i) % slots);
      this.#state = { t: "rolling", program, at, due };
      this.#logger.info({}, "reload: asked for again; all workers are due anew after this one");
      return;
    }
    this.#state = { t: "rolling", program, at: 0, due: Array.from({ length: slots }, (_, slot) => slot) };
    const startedAt = this.#time();
    this.#progress = { state: "rolling", left: slots, total: slots, startedAt, endedAt: null, problem: null };
    this.#logger.info({ workers: slots }, "reloading: workers are replaced one after the other");
    void this.#roll();
  }

  /** Replaces no further worker. Idempotent. */
  stop(): void {
    const last = this.#state;
    const { left } = this;
    this.#state = { t: "stopped" };
    if (last.t !== "rolling") return;
    this.#over("stopped", left, "the instance is going away");
    this.#ended("stopped");
  }

  async #roll(): Promise<void> {
    for (;;) {
      if (this.#state.t !== "rolling") return;
      const [slot] = this.#state.due;
      if (slot === undefined) return this.#end("done");
      const step: Rolling<Program> = { ...this.#state, at: slot };
      this.#state = step;
      const problem = await this.#replace(slot, step.program);
      // Asked for anew meanwhile: this slot is due again, and the trouble may have been the older program's.
      if (this.#state !== step) continue;
      if (problem !== undefined) return this.#end("failed", `worker ${slot}: ${problem}`);
      this.#state = { ...step, due: step.due.slice(1) };
      this.#logger.info({ worker: slot, left: step.due.length - 1 }, "reload: worker replaced");
    }
  }

  /** The problem, if there was one. */
  async #replace(slot: number, program: Program): Promise<string | undefined> {
    try {
      const predecessor = await this.#crew.succeed(slot, program);
      if (predecessor !== undefined && this.#state.t !== "stopped") await this.#crew.retire(predecessor);
      return undefined;
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (this.#state.t !== "stopped") {
        this.#logger.error(
          { worker: slot, left: this.left, problem },
          "reload: a new worker did not become ready; the old ones go on",
        );
      }
      return problem;
    }
  }

  #end(result: "done" | "failed", problem: string | null = null): void {
    const left = this.left;
    this.#state = { t: "idle" };
    this.#over(result, left, problem);
    if (result === "done") this.#logger.info({}, "reloaded: all workers are new");
    else this.#logger.error({ left }, "the reload has ended early: the workers left run what they ran");
    this.#ended(result);
  }

  #over(state: ReloadResult, left: number, problem: string | null): void {
    this.#progress = { ...this.#progress, state, left, endedAt: this.#time(), problem };
  }

  #time(): string {
    return new Date(this.#now()).toISOString();
  }
}
