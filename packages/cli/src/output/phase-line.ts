/**
 * What a command is doing, for a person who waits: on a terminal one line that is written over, elsewhere a
 * line for each phase.
 *
 * Invariant: it is never on standard output, and a phase is told once where nothing can be written over.
 */
import type { Terminal } from "../terminal.js";

export class PhaseLine {
  readonly #terminal: Terminal;
  #told: string | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** `text` is the phase, and behind a colon how far it is. */
  show(text: string): void {
    if (this.#terminal.status !== undefined) return this.#terminal.status(text);
    const [phase] = text.split(":");
    if (phase === this.#told) return;
    this.#told = phase;
    this.#terminal.err(`${phase} …`);
  }

  end(): void {
    this.#terminal.status?.("");
  }
}
