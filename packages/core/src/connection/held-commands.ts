/**
 * Held commands: what clients say behind a `connect` that is not answered yet.
 *
 * Owns what waits, in order, and its limits. Leaves to `intake.ts` what comes, and to `commands/` what it
 * does. Invariants: a connection stands here only while a connect of it is under way; what was held is given
 * out in the order in which it came, each command once; a connection that has ended holds nothing.
 */
import { type DecodedCommand, MAX_COMMANDS_PER_MESSAGE } from "@holdfast/protocol";
import type { Metrics } from "../runtime/metrics.js";

/** A command, or the error that answers it. */
export type HeldCommand = Extract<DecodedCommand, { readonly kind: "command" | "invalid" }>;

interface Held {
  readonly queue: { readonly command: HeldCommand; readonly chars: number }[];
  chars: number;
  /** False while what was held is being given out. */
  isWaiting: boolean;
}

/** Commands of one connection: as many as one message may bring. */
const MAX_COMMANDS = MAX_COMMANDS_PER_MESSAGE;
/** Messages of full size that one connection may have here: that of its connect, and one more. */
const MAX_MESSAGES = 2;
/** Characters of all connections of a worker: two bytes each at the most. */
const MAX_CHARS = 8 * 1024 * 1024;

export class HeldCommands<C> {
  readonly #maxCharsOfOne: number;
  readonly #metrics: Metrics;
  readonly #held = new Map<C, Held>();
  #chars = 0;

  /** `maxPayload`: bytes of the largest message. */
  constructor(maxPayload: number, metrics: Metrics) {
    this.#maxCharsOfOne = MAX_MESSAGES * maxPayload;
    this.#metrics = metrics;
  }

  /** Characters that wait. */
  get chars(): number {
    return this.#chars;
  }

  /** A connect of it is under way: what comes behind waits until `release` or `forget`. */
  begin(connection: C): void {
    const held = this.#held.get(connection);
    if (held === undefined) this.#held.set(connection, { queue: [], chars: 0, isWaiting: true });
    else held.isWaiting = true;
  }

  /** Whether what it says has to wait. */
  holds(connection: C): boolean {
    return this.#held.size > 0 && this.#held.has(connection);
  }

  /**
   * Takes a command of a connection that `holds`; false where there is no room. `chars`: those that it keeps
   * in memory, its whole message, or 0 where another command of that message has been counted.
   */
  add(connection: C, command: HeldCommand, chars: number): boolean {
    const held = this.#held.get(connection);
    const hasRoom =
      held !== undefined &&
      held.queue.length < MAX_COMMANDS &&
      held.chars + chars <= this.#maxCharsOfOne &&
      this.#chars + chars <= MAX_CHARS;
    this.#metrics.add(hasRoom ? "commands_held" : "held_refused", 1);
    if (!hasRoom) return false;
    held.queue.push({ command, chars });
    held.chars += chars;
    this.#chars += chars;
    return true;
  }

  /** Its connect is answered: gives out what was held, until another connect among that is under way. */
  release(connection: C, carryOut: (command: HeldCommand) => void): void {
    const held = this.#held.get(connection);
    if (held === undefined) return;
    held.isWaiting = false;
    while (!held.isWaiting) {
      const next = held.queue.shift();
      if (next === undefined) {
        this.#held.delete(connection);
        return;
      }
      held.chars -= next.chars;
      this.#chars -= next.chars;
      carryOut(next.command);
    }
  }

  /** It has ended. */
  forget(connection: C): void {
    const held = this.#held.get(connection);
    if (held === undefined) return;
    this.#chars -= held.chars;
    held.chars = 0;
    held.queue.length = 0;
    this.#held.delete(connection);
  }
}
