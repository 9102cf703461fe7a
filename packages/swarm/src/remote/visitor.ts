/**
 * One connection at a host, from its hello to its end: a stranger first, then what its role makes of it.
 *
 * Invariant: a stranger is gone after `HELLO_TIMEOUT_MS`, and `left` is told once.
 */
import type { TLSSocket } from "node:tls";
import type { HostFacts, HostHello } from "./host-messages.js";
import { LineChannel } from "./line-channel.js";

export const HELLO_TIMEOUT_MS = 10_000;

export type Received = Readonly<Record<string, unknown>>;

/** What a visitor is after its hello. */
export interface VisitorPart {
  message(message: Received): void;
  left(why: string): void;
}

export interface VisitorOwner {
  readonly facts: HostFacts;
  /** Returns why not where the visitor is not let in. */
  admit(hello: Received, channel: LineChannel): VisitorPart | string;
  left(visitor: Visitor): void;
}

export class Visitor {
  readonly channel: LineChannel;
  readonly #owner: VisitorOwner;
  readonly #timer: NodeJS.Timeout;
  #part: VisitorPart | undefined;

  constructor(socket: TLSSocket, owner: VisitorOwner) {
    this.#owner = owner;
    this.channel = new LineChannel(socket, {
      message: (message) => this.#take(message),
      ended: (why) => this.#end(why),
    });
    this.#timer = setTimeout(
      () => this.channel.end(`no hello in ${HELLO_TIMEOUT_MS / 1000} s`),
      HELLO_TIMEOUT_MS,
    );
  }

  get isStranger(): boolean {
    return this.#part === undefined;
  }

  #take(message: Received): void {
    if (this.#part !== undefined) return this.#part.message(message);
    clearTimeout(this.#timer);
    const part = this.#owner.admit(message, this.channel);
    if (typeof part === "string") {
      this.channel.send({ is: "refused", why: part });
      return this.channel.end("refused");
    }
    this.#part = part;
    this.channel.send({ is: "welcome", facts: this.#owner.facts });
  }

  #end(why: string): void {
    clearTimeout(this.#timer);
    this.#owner.left(this);
    this.#part?.left(why);
  }
}

/** A hello that `helloProblem` found nothing in. */
export function checkedHello(message: Received): Pick<HostHello, "role" | "run"> {
  return { role: message.role as HostHello["role"], run: String(message.run) };
}
