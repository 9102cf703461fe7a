/**
 * Seams that the primary serves, seen from a worker: a method's call goes over the link, its answer comes
 * back.
 *
 * One message each way for all seams (`SeamCall`, `SeamAnswer`), served by primary/seam-server.ts. Only with
 * the embedded broker; with Redis each worker has its seams there. Invariant: every call settles, at the
 * latest at its deadline, and rejects with nothing but `BrokerUnavailable`.
 */
import type { Clock } from "@holdfast/core";
import type { SeamAnswer, SeamCall } from "../../link/messages.js";
import { WaitingCalls } from "./waiting-calls.js";

/** A seam that can be called over a link: methods that take and give what survives JSON, and nothing else. */
export type Callable<Seam> = {
  readonly [Method in keyof Seam]: Seam[Method] extends (...args: infer Args) => Promise<infer Result>
    ? (...args: Args) => Promise<Result>
    : never;
};

export class LinkCalls {
  readonly #send: (call: SeamCall) => boolean;
  readonly #waiting: WaitingCalls;

  /** `send` says whether the link took it. */
  constructor(send: (call: SeamCall) => boolean, clock: Clock) {
    this.#send = send;
    this.#waiting = new WaitingCalls(clock);
  }

  call<Result>(seam: string, method: string, args: readonly unknown[]): Promise<Result> {
    return this.#waiting.ask((id) => this.#send({ type: "call", id, seam, method, args }));
  }

  /**
   * The seam as an object whose methods are calls. The primary serves it under the same name; to name all its
   * methods is the caller's duty, and the compiler's check.
   */
  seam<Seam extends Callable<Seam>>(name: string, methods: { readonly [Method in keyof Seam]: true }): Seam {
    const entries = Object.keys(methods).map((method) => [
      method,
      (...args: readonly unknown[]) => this.call(name, method, args),
    ]);
    return Object.freeze(Object.fromEntries(entries)) as Seam;
  }

  /** What the primary says. */
  answer(message: SeamAnswer): void {
    if (message.type === "answer") this.#waiting.resolve(message.id, message.result);
    else this.#waiting.reject(message.id, message.problem);
  }

  /** Idempotent. */
  close(): void {
    this.#waiting.close();
  }
}
