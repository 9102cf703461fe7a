/**
 * A terminal for tests: keeps what was printed, and is interrupted when the test says so.
 */
import type { Terminal } from "../terminal.js";

export class TestTerminal implements Terminal {
  readonly env: Record<string, string | undefined> = {};
  cwd = "/nonexistent";
  program = "holdfast";
  /** What standard input has. */
  typed = "";
  readonly printed: string[] = [];
  readonly errors: string[] = [];
  readonly #interrupt = new AbortController();
  #waiting: (() => void)[] = [];

  async input(_maxBytes: number): Promise<string> {
    return this.typed;
  }

  async out(line: string): Promise<void> {
    this.printed.push(line);
    this.#wake();
  }

  err(line: string): void {
    this.errors.push(line);
    this.#wake();
  }

  interrupted(): AbortSignal {
    return this.#interrupt.signal;
  }

  /** As Ctrl-C would. */
  interrupt(): void {
    this.#interrupt.abort();
  }

  /** Resolves when what was printed meets the condition. */
  async until(met: (terminal: this) => boolean): Promise<void> {
    while (!met(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
