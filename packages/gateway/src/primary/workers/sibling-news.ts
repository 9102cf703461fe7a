/**
 * News of siblings: tells the workers which of them may share subscriptions.
 *
 * Members are the workers that have their slot's place and are ready; none while all go away, as none of them
 * should wait for another. Invariant: each worker that serves was told the members of now; one that drains is
 * told too, and is no member.
 */
import { type Owner, ownerPrefix } from "@holdfast/protocol";
import { readyOf } from "./ready-of.js";
import type { Supervisor } from "./supervisor.js";

export class SiblingNews {
  readonly #supervisor: Pick<Supervisor, "workers" | "isPlaced">;
  readonly #isLeaving: () => boolean;
  #told = "";

  constructor(supervisor: Pick<Supervisor, "workers" | "isPlaced">, isLeaving: () => boolean) {
    this.#supervisor = supervisor;
    this.#isLeaving = isLeaving;
  }

  /** Tells all, where the members have changed since the last call. */
  tell(): void {
    const members = this.#isLeaving() ? [] : this.#members();
    const text = members.map(ownerPrefix).join(" ");
    if (text === this.#told) return;
    this.#told = text;
    for (const worker of this.#supervisor.workers) {
      if (worker.state !== "starting" && worker.state !== "ended") worker.send({ type: "siblings", members });
    }
  }

  #members(): readonly Owner[] {
    const placed = readyOf(this.#supervisor).filter((worker) => this.#supervisor.isPlaced(worker));
    return placed.map(({ owner }) => owner);
  }
}
