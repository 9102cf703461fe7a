/**
 * Seams that the primary serves to one worker over its link, beside the embedded broker.
 *
 * What is served is made for each worker anew, so that a seam knows which worker asks and when its link has
 * ended. Invariant: every call is answered once, by its failure where the link has no room for the result;
 * only methods that the seam offers by name can be called.
 */
import { LINK_SHARES, type Send } from "../../link/link.js";
import type { SeamAnswer, SeamCall } from "../../link/messages.js";

/** A seam as one worker may call it. Arguments come from our own worker, as the seam's types say. */
export interface ServedSeam {
  readonly methods: Readonly<Record<string, (...args: never[]) => Promise<unknown>>>;
  /** The worker's link has ended. Called once. */
  close?(): void;
}

/** Makes what one worker may call, by the name of the seam. */
export type SeamOffers = Readonly<Record<string, () => ServedSeam>>;

export class SeamServer {
  readonly #answer: Send<SeamAnswer>;
  readonly #seams: ReadonlyMap<string, ServedSeam>;
  #state: "open" | "closed" = "open";

  /** `answer` sends to the worker. */
  constructor(offers: SeamOffers, answer: Send<SeamAnswer>) {
    this.#answer = answer;
    this.#seams = new Map(Object.entries(offers).map(([name, make]) => [name, make()]));
  }

  async handle({ id, seam, method, args }: SeamCall): Promise<void> {
    try {
      const result = await this.#carryOut(seam, method, args);
      if (!this.#answer({ type: "answer", id, result }, LINK_SHARES.answers))
        throw new Error(`the answer to ${seam}.${method} is too large for the link, or the link is full`);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      this.#answer({ type: "call-failed", id, problem });
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    for (const seam of this.#seams.values()) seam.close?.();
  }

  async #carryOut(seam: string, method: string, args: readonly unknown[]): Promise<unknown> {
    if (this.#state === "closed") throw new Error("the worker's link has ended");
    const served = this.#seams.get(seam);
    if (served === undefined || !Object.hasOwn(served.methods, method))
      throw new Error(`the primary serves no ${seam}.${method}`);
    return await served.methods[method]?.(...(args as never[]));
  }
}
