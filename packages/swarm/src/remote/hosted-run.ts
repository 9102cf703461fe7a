/**
 * The run that a host takes part in, as its controller tells of it, and the orders of operators on their way
 * to that controller.
 *
 * Invariant: every order is answered once: by the controller, after `ORDER_TIMEOUT_MS`, or at the run's end.
 */
import type { Progress } from "../progress.js";
import type { RunOrder } from "../run/steering.js";
import type { OrderAnswer } from "./host-messages.js";
import type { LineChannel } from "./line-channel.js";
import type { Received, VisitorPart } from "./visitor.js";

const ORDER_TIMEOUT_MS = 10_000;
const MAX_WAITING = 16;

type Reply = Pick<OrderAnswer, "ok" | "text">;

export class HostedRun implements VisitorPart {
  readonly id: string;
  readonly #channel: LineChannel;
  readonly #ended: (why: string) => void;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #lastId = 0;
  #progress: Progress | undefined;

  constructor(id: string, channel: LineChannel, ended: (why: string) => void) {
    this.id = id;
    this.#channel = channel;
    this.#ended = ended;
  }

  get progress(): Progress | undefined {
    return this.#progress;
  }

  message(message: Received): void {
    if (message.do === "progress") {
      this.#progress = message.progress as Progress;
      // The controller sees that the host is there.
      return this.#channel.send({ is: "heard" });
    }
    if (message.is === "answer") {
      this.#waiting.get(Number(message.id))?.({ ok: message.ok === true, text: String(message.text) });
    }
  }

  left(why: string): void {
    for (const reply of [...this.#waiting.values()]) reply({ ok: false, text: `the run has ended: ${why}` });
    this.#ended(why);
  }

  /** Passes an order on. */
  pass(order: RunOrder): Promise<Reply> {
    if (this.#waiting.size >= MAX_WAITING) {
      return Promise.resolve({ ok: false, text: "too many orders wait for the controller: try again" });
    }
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      const settle = (reply: Reply): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(reply);
      };
      const late = { ok: false, text: `the controller did not answer in ${ORDER_TIMEOUT_MS / 1000} s` };
      const timer = setTimeout(() => settle(late), ORDER_TIMEOUT_MS);
      this.#waiting.set(id, settle);
      this.#channel.send({ is: "order", id, order });
    });
  }
}
