/**
 * A failure that the person at the terminal can act on: printed as it is, without a stack trace.
 *
 * Everything else that is thrown is a bug of ours and keeps its stack.
 */

/**
 * 1: it could not be done. 2: it was asked for wrongly (flags, settings), so trying again changes nothing. 3,
 * 4: it was done, and what was looked at failed, or has warnings (`doctor`, `status`, `connection`, `why`).
 */
export type ExitCode = 1 | 2 | 3 | 4;

export class Failure extends Error {
  override readonly name = "Failure";
  readonly code = "ERR_HOLDFAST_CLI";
  readonly exitCode: ExitCode;

  /** `message` says what failed, where, and what to do. */
  constructor(message: string, exitCode: ExitCode = 1, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** The system's code of an error (`ECONNREFUSED`), or undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/**
 * The sentence of an error for a message of ours; empty messages (Node's AggregateError) give the code
 * instead.
 */
export function sentence(error: unknown): string {
  const message = typeof error === "object" && error !== null && "message" in error ? error.message : "";
  return typeof message === "string" && message !== "" ? message : (systemCode(error) ?? String(error));
}
