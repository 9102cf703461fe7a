/**
 * A receiver's events as text, and a receiver that hears bytes in segments.
 */
import type { Assembly } from "../assembly.js";
import { type FrameEvents, type FrameRules, receive } from "../receiver.js";
import type { Violation } from "../violations.js";

export class HeardFrames implements FrameEvents {
  readonly heard: string[] = [];
  /** Stops at this event. */
  stopAt: string | undefined;
  /** What ended it, by name. */
  violation: string | undefined;
  #over = false;
  #kept: Assembly | undefined;
  readonly #rules: FrameRules;

  constructor(maxPayload: number, inflates = false) {
    this.#rules = { maxPayload, inflates };
  }

  /** Whether something is kept for a message that is not complete. */
  get keeps(): boolean {
    return this.#kept !== undefined;
  }

  /** Reads a copy: a receiver changes what it reads. */
  feed(bytes: Uint8Array): this {
    if (!this.#over) this.#kept = receive(Buffer.from(bytes), this.#kept, this.#rules, this);
    return this;
  }

  textCame(text: string): boolean {
    return this.#hear(`text ${text}`);
  }

  binaryCame(): boolean {
    return this.#hear("binary");
  }

  pinged(payload: Uint8Array): boolean {
    return this.#hear(`ping ${Buffer.from(payload).toString("latin1")}`);
  }

  ponged(): boolean {
    return this.#hear("pong");
  }

  fragmentCame(_bytes: number): boolean {
    return !this.#over;
  }

  inflated(_bytes: number): boolean {
    return !this.#over;
  }

  closeCame(payload: Uint8Array): void {
    this.#over = true;
    this.#hear(`close ${Buffer.from(payload).toString("latin1")}`);
  }

  violated({ code, name }: Violation): void {
    this.#over = true;
    this.violation = name;
    this.#hear(`violation ${code}`);
  }

  #hear(what: string): boolean {
    this.heard.push(what);
    if (what === this.stopAt) this.#over = true;
    return !this.#over;
  }
}
