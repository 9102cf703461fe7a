/**
 * The outcome of a command that does something: a sentence for a person, or one line of JSON for a program.
 *
 * Invariant: both say the same; a program that reads JSON never has to read the sentence.
 */
import type { Terminal } from "../terminal.js";

/** Of a command with the flag `--json`. */
export interface JsonOption {
  readonly json?: boolean | undefined;
}

/** Prints it. `facts` go out as they are, one line. */
export function sayOutcome(
  terminal: Terminal,
  { json = false }: JsonOption,
  sentence: string,
  facts: object,
): Promise<void> {
  return terminal.out(json ? JSON.stringify(facts) : sentence);
}
