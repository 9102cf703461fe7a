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
  #state: State<Program> = { t: "idle" };

  /** `ended` is told how each round ended. */
  constructor(crew: ReloadCrew<Program, Worker>, ended: (result: ReloadResult) => void, logger: Logger) {
    this.#crew = crew;
    this.#ended = ended;
    this.#logger = logger;
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
      this.#logger.info({}, "reload: another one was asked for; beginning anew after this worker");
      return;
    }
    this.#state = { t: "rolling", program, at: 0, due: Array.from({ length: slots }, (_, slot) => slot) };
    this.#logger.info({ workers: slots }, "reloading: workers are replaced one after the other");
    void this.#roll();
  }

  /** Replaces no further worker. Idempotent. */
  stop(): void {
    const last = this.#state;
    this.#state = { t: "stopped" };
    if (last.t === "rolling") this.#ended("stopped");
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
      if (problem !== undefined) return this.#end("failed");
      this.#state = { ...step, due: step.due.slice(1) };
      this.#logger.info({ worker: slot, left: step.due.length - 1 }, "reload: worker replaced");
    }
  }

  /** The problem, if there was one. */
  async #replace(slot: number, program: Program): Promise<unknown> {
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
      return error;
    }
  }

  #end(result: "done" | "failed"): void {
    const left = this.left;
    this.#state = { t: "idle" };
    if (result === "done") this.#logger.info({}, "reloaded: all workers are new");
    else this.#logger.error({ left }, "the reload has ended early: the workers left run what they ran");
    this.#ended(result);
  }
}
