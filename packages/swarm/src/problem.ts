/**
 * What keeps a run from doing what it was asked for, in one sentence: what, where, what to do.
 */

/** `wrong`: it was asked for wrongly, so trying again changes nothing. `failed`: it could not be done. */
export type ProblemKind = "wrong" | "failed";

export class SwarmProblem extends Error {
  override readonly name = "SwarmProblem";
  readonly kind: ProblemKind;

  constructor(kind: ProblemKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
