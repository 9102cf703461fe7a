/**
 * The whole screen of a terminal: drawn line by line, keys read as they are pressed, and given back.
 *
 * Owns the alternate screen, the cursor and raw mode. Invariants: after `close`, at the end of the process by
 * an error too, the terminal is as it was; at most one frame waits for a terminal that is slow.
 */
import type { EventEmitter } from "node:events";

/** What the person at the terminal does. */
export interface ScreenListener {
  /** Keys as the terminal sends them. */
  input(text: string): void;
  resized(): void;
  /** The terminal is gone, or the process is told to end. */
  gone(): void;
}

export interface TerminalScreen {
  readonly columns: number;
  readonly rows: number;
  open(listener: ScreenListener): void;
  /** Shows these lines, and nothing else. */
  draw(lines: readonly string[]): void;
  /** Idempotent. */
  close(): void;
}

/** What is used of standard input. */
export interface ScreenInput extends EventEmitter {
  setRawMode(mode: boolean): unknown;
  setEncoding(encoding: "utf8"): unknown;
  resume(): unknown;
  pause(): unknown;
}

/** What is used of standard output. */
export interface ScreenOutput extends EventEmitter {
  readonly columns: number;
  readonly rows: number;
  write(text: string): boolean;
}

const ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE = "\x1b[0m\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const END_OF_LINE = "\x1b[K";
const END_OF_SCREEN = "\x1b[J";
/** Beside SIGINT and SIGTERM, which every command knows. */
const ENDS = Object.freeze(["SIGHUP", "SIGQUIT"] as const);

type ScreenState =
  | { readonly kind: "closed" }
  | { readonly kind: "open"; readonly listener: ScreenListener; readonly undo: () => void };

/** The size of a terminal that does not know its own, as a serial line or a new pseudo-terminal does not. */
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

export class ProcessScreen implements TerminalScreen {
  readonly #input: ScreenInput;
  readonly #output: ScreenOutput;
  readonly #process: EventEmitter;
  #state: ScreenState = { kind: "closed" };
  #isFull = false;
  #next: readonly string[] | undefined;

  /** `owner`: whose end gives the screen back; the process. */
  constructor(input: ScreenInput, output: ScreenOutput, owner: EventEmitter) {
    this.#input = input;
    this.#output = output;
    this.#process = owner;
  }

  get columns(): number {
    return this.#output.columns || DEFAULT_COLUMNS;
  }

  get rows(): number {
    return this.#output.rows || DEFAULT_ROWS;
  }

  open(listener: ScreenListener): void {
    if (this.#state.kind === "open") return;
    const input = (text: string): void => listener.input(text);
    const resized = (): void => listener.resized();
    const gone = (): void => listener.gone();
    const drained = (): void => this.#drained();
    const close = (): void => this.close();
    this.#input.on("data", input).once("end", gone);
    this.#output.on("resize", resized).on("drain", drained);
    this.#process.once("exit", close);
    for (const signal of ENDS) this.#process.on(signal, gone);
    const undo = (): void => {
      this.#input.off("data", input).off("end", gone);
      this.#output.off("resize", resized).off("drain", drained);
      this.#process.off("exit", close);
      for (const signal of ENDS) this.#process.off(signal, gone);
    };
    this.#state = { kind: "open", listener, undo };
    this.#input.setEncoding("utf8");
    this.#input.setRawMode(true);
    this.#input.resume();
    this.#output.write(ENTER);
  }

  draw(lines: readonly string[]): void {
    if (this.#state.kind === "closed") return;
    if (this.#isFull) {
      this.#next = lines;
      return;
    }
    const text = lines.join(`${END_OF_LINE}\r\n`);
    this.#isFull = !this.#output.write(`${HOME}${text}${END_OF_LINE}${END_OF_SCREEN}`);
  }

  close(): void {
    if (this.#state.kind === "closed") return;
    const { undo } = this.#state;
    this.#state = { kind: "closed" };
    this.#next = undefined;
    undo();
    this.#output.write(LEAVE);
    try {
      this.#input.setRawMode(false);
    } catch {
      // The terminal is gone.
    }
    this.#input.pause();
  }

  #drained(): void {
    this.#isFull = false;
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined) this.draw(next);
  }
}
