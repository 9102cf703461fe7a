/**
 * A list, printed as one JSON document with one element a line. Elements are printed as they arrive, so the
 * list need not fit in memory.
 */
import type { Terminal } from "../terminal.js";

export class JsonList {
  readonly #terminal: Terminal;
  /** The last element, which only its successor or the end knows the comma of. */
  #last: string | undefined;

  private constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** `head` is printed before the bracket, such as `{"members":`. */
  static async begin(terminal: Terminal, head = ""): Promise<JsonList> {
    await terminal.out(`${head}[`);
    return new JsonList(terminal);
  }

  /** `text` is JSON. */
  async add(text: string): Promise<void> {
    if (this.#last !== undefined) await this.#terminal.out(`${this.#last},`);
    this.#last = text;
  }

  async end(tail = ""): Promise<void> {
    if (this.#last !== undefined) await this.#terminal.out(this.#last);
    await this.#terminal.out(`]${tail}`);
  }
}
